// Answers from the running sums of profile_table.cpp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "models/profile/profile_table.hpp"

namespace gradpath {
namespace {

constexpr int kLeastExponent = -149;  // of fp32's smallest subnormal
constexpr int kMinFp32Exponent = -126;
constexpr int kMaxFp32Exponent = 128;

// Nearly all sums fit in 64 bits; the conversion of 128 is a call.
double to_double(Uint128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const auto low = static_cast<double>(static_cast<std::uint64_t>(value));
  return high == 0 ? low : static_cast<double>(high) * 0x1p64 + low;
}

}  // namespace

// One question: walks the cells of the format's grid through every binade. The scale is put into
// the format: casting x * 2^k to a grid is casting x to the grid divided by 2^k.
class ProfileTable::Evaluation {
 public:
  Evaluation(const ProfileTable& table, const Format& format, const CastOptions& options,
             int scale_exponent)
      : table_(table),
        format_(format),
        rounding_(options.rounding),
        mode_(options.rounding.mode),
        flush_output_(flushes_output(options.flush)),
        flush_below_(flushes_input(options.flush) ? kMinFp32Exponent - scale_exponent
                                                  : std::numeric_limits<int>::min()),
        min_exponent_(format.min_exponent() - scale_exponent),
        max_finite_(std::ldexp(max_finite(format), -scale_exponent)),
        overflow_is_finite_(options.overflow == Overflow::saturate ||
                            (!format.has_infinity() && !format.has_nan())) {
    sums_.numel = table.numel_;
    sums_.zeros = static_cast<double>(table.zeros_);
    sums_.saturated = static_cast<double>(table.infs_);
    sums_.included = static_cast<double>(table.zeros_);
  }

  // False if the profile does not know: refusal() says why.
  bool run() {
    for (const Binade& binade : table_.binades_) {
      binade_ = {};
      if (!walk(binade)) return false;
      const int unit = binade.bucket_exponent - 16;
      const double sign = binade.negative ? -1 : 1;
      sums_.squared_error += std::ldexp(binade_.squared_error, 2 * unit);
      sums_.error += sign * std::ldexp(binade_.error, unit);
      sums_.qx += std::ldexp(binade_.qx, 2 * unit);
      sums_.qq += std::ldexp(binade_.qq, 2 * unit);
      sums_.xx += std::ldexp(binade_.xx, 2 * unit);
      sums_.variance += std::ldexp(binade_.variance, 2 * unit);
    }
    return true;
  }

  [[nodiscard]] const CastSums& sums() const { return sums_; }
  [[nodiscard]] std::string_view refusal() const { return refusal_; }

 private:
  // A value of the grid: j quanta of the binade, at `place` of the format's magnitude codes.
  struct GridValue {
    std::int64_t place;
    double units;  // j quanta in units; exact, as j has at most 24 bits
  };

  bool walk(const Binade& binade) {
    const int exponent = std::max(binade.exponent, min_exponent_);
    // Bucket 0 of the subnormals needs one answer for all its binades.
    const bool cut_by_flush = flush_below_ > kLeastExponent && flush_below_ <= binade.exponent;
    if (binade.first == 0 && (min_exponent_ < binade.exponent || cut_by_flush)) return false;
    const int quantum = exponent - format_.mantissa_bits - binade.bucket_exponent;  // log2, buckets
    const std::int64_t first_place = static_cast<std::int64_t>(exponent - min_exponent_)
                                     << format_.mantissa_bits;
    const bool nearest = rounding_row(mode_).direction == RoundingRow::Direction::nearest;
    if (binade.has_interior && quantum < (nearest ? 1 : 0)) return false;
    const double quantum_units = std::ldexp(1.0, quantum + 16);
    const auto value = [&](std::int64_t j) {
      return GridValue{first_place + j, static_cast<double>(j) * quantum_units};
    };
    if (binade.exponent < flush_below_) {
      return give(binade, binade.between(binade.first, binade.last), {0, 0});
    }
    if (quantum < 0) {  // every element is on the grid
      for (int b = binade.first; b < binade.last; ++b) {
        if (!give(binade, binade.tie(b), value(std::int64_t{b} << -quantum), true)) return false;
      }
      return true;
    }
    // Beyond 2^16 buckets a quantum is as good as endless: its half is past every bucket.
    const int shift = std::min(quantum, 16);
    const std::int64_t width = std::int64_t{1} << shift;
    for (std::int64_t j = binade.first >> shift; j * width < binade.last; ++j) {
      const int from = static_cast<int>(std::max<std::int64_t>(binade.first, j * width));
      const int to = static_cast<int>(std::min<std::int64_t>(binade.last, (j + 1) * width));
      Sums inside = binade.between(from, to);
      if (inside.count == 0) continue;
      if (j * width == from) {
        const Sums on_grid = binade.tie(from);
        if (!give(binade, on_grid, value(j), true)) return false;
        inside = without(inside, on_grid);
      }
      const GridValue low = value(j);
      const GridValue high = value(j + 1);
      if (rounding_.is_stochastic()) {
        if (!give_stochastic(binade, inside, low, high, quantum)) return false;
      } else if (!nearest) {
        if (!give(binade, inside, goes_up(low, binade.negative) ? high : low)) return false;
      } else {
        const std::int64_t middle = j * width + width / 2;
        if (quantum == 0 || middle >= to) {
          if (!give(binade, inside, low)) return false;
        } else if (middle < from) {
          if (!give(binade, inside, high)) return false;
        } else {
          const Sums above_or_at = binade.between(static_cast<int>(middle), to);
          const Sums tie = binade.tie(static_cast<int>(middle));
          if (!give(binade, without(inside, above_or_at), low) ||
              !give(binade, tie, goes_up(low, binade.negative) ? high : low) ||
              !give(binade, without(above_or_at, tie), high)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  static Sums without(const Sums& a, const Sums& b) {
    return {a.count - b.count, a.sum - b.sum, a.squares - b.squares, a.reciprocals - b.reciprocals};
  }

  // A tie of the nearest roundings, and whatever lies between neighbours under the directed ones.
  [[nodiscard]] bool goes_up(const GridValue& low, bool negative) const {
    return rounds_up(mode_, negative, low.place % 2 != 0, std::partial_ordering::equivalent);
  }

  [[nodiscard]] bool overflows(const GridValue& value) const {
    return value.place > static_cast<std::int64_t>(format_.max_finite_magnitude());
  }

  [[nodiscard]] bool cuts_to_max(bool negative) const {
    return overflow_is_finite_ || rounds_toward_zero(mode_, negative);
  }

  // All of x becomes `value`; is_value: x is that value already.
  bool give(const Binade& binade, const Sums& x, GridValue value, bool is_value = false) {
    if (x.count == 0) return true;
    const auto n = static_cast<double>(x.count);
    const bool overflowed = overflows(value);
    if (overflowed) {
      sums_.saturated += n;
      if (!cuts_to_max(binade.negative)) return true;  // excluded
      value.units = std::ldexp(max_finite_, 16 - binade.bucket_exponent);
    } else if (value.place == 0 ||
               (flush_output_ && value.place < std::int64_t{1} << format_.mantissa_bits)) {
      value.units = 0;
    }
    if (value.units == 0) sums_.zeros += n;
    sums_.included += n;
    sums_.included_nonzero += n;
    const double q = value.units;
    const auto sum = static_cast<double>(x.sum);
    const auto squares = to_double(x.squares);
    binade_.xx += squares;
    if (q == 0) {
      sums_.relative_error += n;
      binade_.squared_error += squares;
      binade_.error -= sum;
      return true;
    }
    binade_.qx += q * sum;
    binade_.qq += n * q * q;
    // x is below 2^24 units and q near it if there is anything to cancel: exact in integers.
    constexpr double kExactBelow = 0x1p26;
    const bool exact = q < kExactBelow && q == std::floor(q);
    if (exact) {
      const auto whole = static_cast<std::uint64_t>(q);
      const Uint128 up = Uint128{x.count} * whole * whole + x.squares;
      const Uint128 down = 2 * Uint128{whole} * x.sum;
      binade_.squared_error += to_double(up - down);  // never negative
      const auto difference = static_cast<std::int64_t>(x.count * whole - x.sum);
      binade_.error += static_cast<double>(difference);
    } else {
      binade_.squared_error += n * q * q - 2 * q * sum + squares;
      binade_.error += n * q - sum;
    }
    if (is_value && !overflowed) return true;
    // All of x is on one side of q.
    if (binade.is_coarse && binade.has_interior) return false;
    sums_.relative_error += std::abs(q * x.reciprocals - n);
    return true;
  }

  // x is between low and high: expectations, with P(high) = (x - low) / (high - low).
  bool give_expected(const Binade& binade, const Sums& x, const GridValue& low,
                     const GridValue& high) {
    if (x.count == 0) return true;
    if (overflows(low)) return give(binade, x, low);
    const auto n = static_cast<double>(x.count);
    const auto sum = static_cast<double>(x.sum);
    const double gap = high.units - low.units;
    if (overflows(high)) {
      if (!overflow_is_finite_) {  // the mean over what stays finite is no quadratic
        refusal_ =
            "values round stochastically past the largest finite (overflow `saturate` has an "
            "answer)";
        return false;
      }
      sums_.saturated += (sum - n * low.units) / gap;
      return give(binade, x, low);
    }
    if (binade.is_coarse && binade.has_interior && low.place > 0) return false;
    if (low.place == 0) sums_.zeros += (n * high.units - sum) / gap;
    sums_.included += n;
    sums_.included_nonzero += n;
    const auto squares = to_double(x.squares);
    double variance = 0;
    if (high.units < 0x1p26 && low.units == std::floor(low.units)) {
      const auto lo = static_cast<std::uint64_t>(low.units);
      const auto hi = static_cast<std::uint64_t>(high.units);
      variance = to_double(Uint128{lo + hi} * x.sum - x.squares -
                           Uint128{x.count} * lo * hi);  // never negative
    } else {
      variance = (low.units + high.units) * sum - squares - n * low.units * high.units;
    }
    binade_.xx += squares;
    binade_.qx += squares;
    binade_.qq += squares + variance;
    binade_.squared_error += variance;
    binade_.variance += variance;
    const double both = n * (low.units + high.units) - sum;
    const double inverse = low.place == 0 ? 0 : low.units * high.units * x.reciprocals;
    sums_.relative_error += 2 * (both - inverse) / gap;
    return true;
  }

  bool give_stochastic(const Binade& binade, const Sums& x, const GridValue& low,
                       const GridValue& high, int quantum) {
    const std::int64_t first_normal = std::int64_t{1} << format_.mantissa_bits;
    if (flush_output_ && high.place < first_normal) return give(binade, x, {0, 0});
    if (flush_output_ && low.place < first_normal && low.place > 0) return x.count == 0;
    const bool rounds_words = mode_ == Rounding::Mode::sru;
    if (low.place > 0 || quantum < rounding_.random_bits + (rounds_words ? 1 : 0)) {
      return give_expected(binade, x, low, high);
    }
    // Far below the smallest quantum few of the R top fraction bits are left: P(high) = T / 2^R
    // with one T for all that is inside a bucket, so the finite R is exact here.
    const double buckets_to_steps = std::ldexp(1.0, rounding_.random_bits - quantum);
    for (int b = binade.first; b < binade.last; ++b) {
      const Sums on_edge = binade.tie(b);
      const Sums inside = without(binade.between(b, b + 1), on_edge);
      const double steps = b * buckets_to_steps;
      const double edge_top = rounds_words ? std::nearbyint(steps) : std::floor(steps);
      const double inside_top = std::floor(rounds_words ? steps + 0.5 : steps);
      if (!give_with_probability(binade, on_edge, high, edge_top) ||
          !give_with_probability(binade, inside, high, inside_top)) {
        return false;
      }
    }
    return true;
  }

  // x becomes `high` with probability top / 2^R, else zero.
  bool give_with_probability(const Binade& binade, const Sums& x, const GridValue& high,
                             double top) {
    if (x.count == 0) return true;
    if (top == 0) return give(binade, x, {0, 0});
    if (binade.is_coarse && binade.has_interior) return false;
    const double up = std::ldexp(top, -rounding_.random_bits);
    const double q = high.units;
    const auto n = static_cast<double>(x.count);
    const auto sum = static_cast<double>(x.sum);
    const auto squares = to_double(x.squares);
    sums_.zeros += n * (1 - up);
    sums_.included += n;
    sums_.included_nonzero += n;
    sums_.relative_error += n * (1 - up) + up * (q * x.reciprocals - n);
    binade_.xx += squares;
    binade_.qx += up * q * sum;
    binade_.qq += n * up * q * q;
    binade_.squared_error += squares + up * q * (n * q - 2 * sum);
    binade_.error += n * up * q - sum;
    binade_.variance += n * up * (1 - up) * q * q;
    return true;
  }

  const ProfileTable& table_;
  const Format& format_;
  Rounding rounding_;
  Rounding::Mode mode_;
  bool flush_output_;
  int flush_below_;   ///< binades below are zeros to the cast
  int min_exponent_;  ///< of the grid divided by the scale
  double max_finite_;
  bool overflow_is_finite_;
  CastSums sums_;
  CastSums binade_;  ///< of one binade, in its units
  std::string_view refusal_ = "the format is finer than the profile's buckets";
};

ProfileTable::Answer ProfileTable::sums(const Format& format, const CastOptions& options,
                                        int scale_exponent) const {
  const auto refuse = [](std::string_view why) { return Answer{.sums = {}, .refusal = why}; };
  if (has_too_many_) return refuse("a binade holds more than 2^36 elements");
  if (!format.is_signed || !format.has_zero || !format.has_subnormals) {
    return refuse("the format is unsigned or has no subnormals");
  }
  if (options.rounding.is_stochastic() && format.mantissa_bits < 23 &&
      options.rounding.random_bits < 23 - format.mantissa_bits) {
    return refuse("so few random bits differ from the expectation over all");
  }
  if (nonzeros_ > 0) {
    const int lowest = std::ilogb(abs_min_) + scale_exponent;
    const int highest = std::ilogb(abs_max_) + scale_exponent;
    // What fp32 rounds below its smallest normal does not matter far below the format's quantum.
    using enum RoundingRow::Direction;
    const auto direction = rounding_row(options.rounding.mode).direction;
    const bool may_go_up = direction == up || direction == down || direction == odd;
    const bool vanishes =
        !may_go_up && format.min_exponent() - format.mantissa_bits - 2 >= kMinFp32Exponent;
    if (scale_exponent < 0 && lowest < kMinFp32Exponent && !vanishes) {
      return refuse("scaled values underflow fp32");
    }
    // The product, the code's value and its quotient by the scale are fp32: the latter two may be
    // 2^128 where the element is in the topmost binade and the format goes on.
    const double largest = max_finite(format);
    const bool rounds_to_infinity = (highest == kMaxFp32Exponent - 1 && largest >= 0x1p128) ||
                                    (std::ilogb(abs_max_) == kMaxFp32Exponent - 1 &&
                                     std::ldexp(largest, -scale_exponent) >= 0x1p128);
    if (highest >= kMaxFp32Exponent || rounds_to_infinity) {
      return refuse("scaled values overflow fp32");
    }
  }
  // Other results are multiples of fp32's smallest subnormal, as the elements are.
  const double clipped_to = std::ldexp(max_finite(format), -scale_exponent);
  const bool clips = infs_ > 0 || (nonzeros_ > 0 && abs_max_ > clipped_to);
  if (clips && clipped_to < 0x1p-126 && double{static_cast<float>(clipped_to)} != clipped_to) {
    return refuse("the largest finite over the scale underflows fp32");
  }
  Evaluation evaluation(*this, format, options, scale_exponent);
  if (!evaluation.run()) return refuse(evaluation.refusal());
  return {evaluation.sums(), {}};
}

ProfileTable::MeasuredAnswer ProfileTable::measure(const Format& format, const CastOptions& options,
                                                   int scale_exponent) const {
  const Answer answer = sums(format, options, scale_exponent);
  if (!answer.refusal.empty()) return {{}, answer.refusal};
  return {measures_of(answer.sums), {}};
}

}  // namespace gradpath
