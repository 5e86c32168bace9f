#include "models/profile/pruned_profile.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include "models/format/codec.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kMagnitude = 0x7fff;

Interval operator+(Interval a, Interval b) { return {a.low + b.low, a.high + b.high}; }
Interval operator-(Interval a, Interval b) { return {a.low - b.high, a.high - b.low}; }
Interval operator*(Interval a, Interval b) {
  const auto [low, high] =
      std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  return {low, high};
}
Interval point(double x) { return {x, x}; }
Interval magnitude(Interval a) {
  const double most = std::max(std::abs(a.low), std::abs(a.high));
  return {a.low <= 0 && a.high >= 0 ? 0.0 : std::min(std::abs(a.low), std::abs(a.high)), most};
}
Interval square(Interval a) {
  const Interval m = magnitude(a);
  return {m.low * m.low, m.high * m.high};
}
// Of positive numbers.
Interval over(Interval a, Interval b) { return {a.low / b.high, a.high / b.low}; }
Interval hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

// Lower edge of a bucket; that of the last one's successor is 2^128.
double edge_of(std::uint32_t magnitude_key) {
  if (magnitude_key == 0x7f80) return 0x1p128;
  return double{std::bit_cast<float>(magnitude_key << 16)};
}

// Elements of a bucket whose magnitudes are known by their sums alone.
struct Inside {
  double count = 0;
  double sum = 0;
  double squares = 0;
  double ties = 0;
};
Inside inside_of(const ProfileBucket& bucket) {
  const std::uint32_t key = bucket.key & kMagnitude;
  const double edge = edge_of(key);
  const double unit = (edge_of(key + 1) - edge) / 65536;
  const auto n = static_cast<double>(bucket.count - bucket.ties);
  const auto low = static_cast<double>(bucket.low_sum);
  return {n, n * edge + low * unit,
          n * edge * edge + 2 * edge * unit * low +
              unit * unit * static_cast<double>(bucket.low_square_sum),
          static_cast<double>(bucket.ties)};
}

Profile buckets_from(const Profile& profile, std::uint32_t first_key) {
  std::vector<ProfileBucket> kept;
  std::uint32_t lowest = kMagnitude;
  for (const ProfileBucket& bucket : profile.buckets()) {
    const std::uint32_t key = bucket.key & kMagnitude;
    if (key < first_key) continue;
    kept.push_back(bucket);
    lowest = std::min(lowest, key);
  }
  const bool any = !kept.empty();
  const std::uint32_t least = std::max(lowest << 16, profile.abs_min_bits());
  return Profile(profile.zeros(), profile.infs(), profile.nans(), any ? least : 0,
                 any ? profile.abs_max_bits() : 0, 0, std::move(kept));
}

}  // namespace

// The sums of CastSums, each as an interval.
struct PrunedProfile::Sums {
  Interval zeros, saturated, squared_error, relative_error, error, qx, qq, variance;

  void add(const Sums& o, double sign = 1) {
    zeros = zeros + o.zeros;
    saturated = saturated + o.saturated;
    squared_error = squared_error + o.squared_error;
    relative_error = relative_error + o.relative_error;
    error = error + point(sign) * o.error;
    qx = qx + o.qx;
    qq = qq + o.qq;
    variance = variance + o.variance;
  }
};

// What a magnitude in a small interval becomes: one or two values and their probabilities.
struct PrunedProfile::Outcomes {
  struct Value {
    double q = 0;
    Interval probability;
  };
  std::vector<Value> values;
  Interval saturated;
  std::string_view refusal = {};

  [[nodiscard]] Interval mean() const {
    Interval sum;
    for (const Value& v : values) sum = sum + point(v.q) * v.probability;
    return sum;
  }
  [[nodiscard]] Interval mean_square() const {
    Interval sum;
    for (const Value& v : values) sum = sum + point(v.q * v.q) * v.probability;
    return sum;
  }
  [[nodiscard]] Interval variance() const {
    if (values.size() == 1) return {};
    const double gap = values[1].q - values[0].q;
    const Interval v = values[0].probability * values[1].probability * point(gap * gap);
    return {std::max(0.0, v.low), v.high};
  }
  [[nodiscard]] Interval zero() const {
    return values.front().q == 0 ? values.front().probability : Interval{};
  }
};

PrunedProfile::PrunedProfile(const Profile& profile, double target) : kept_(profile) {
  const double wanted =
      target * static_cast<double>(profile.numel()) - static_cast<double>(profile.zeros());
  if (wanted > 0) find_alpha(profile, wanted);
}

void PrunedProfile::find_alpha(const Profile& profile, double wanted) {
  std::map<std::uint32_t, std::array<Inside, 2>> by_key;
  for (const ProfileBucket& bucket : profile.buckets()) {
    by_key[bucket.key & kMagnitude][bucket.key >> 15] = inside_of(bucket);
  }
  // Without elements inside its bucket alpha = sum / (count - wanted).
  const auto solve = [&](double count, double sum) {
    return count > wanted ? sum / (count - wanted) : std::numeric_limits<double>::infinity();
  };
  std::array<Below, 2> below;
  std::uint32_t first_kept = 0x7f80;
  bool found = false;
  for (const auto& [key, signs] : by_key) {
    const double edge = edge_of(key);
    const double top = edge_of(key + 1);
    for (std::size_t s = 0; s < 2; ++s) {
      below[s].edge = edge;
      below[s].top = top;
      below_[s].push_back(below[s]);
    }
    const double count = below[0].count + below[1].count;
    const double sum = below[0].sum + below[1].sum;
    if (const double alpha = solve(count, sum); alpha <= edge) {
      alpha_ = point(alpha);
      first_kept = key;
      found = true;
      break;
    }
    for (std::size_t s = 0; s < 2; ++s) {  // those on the edge are below alpha
      below[s].count += signs[s].ties;
      below[s].sum += signs[s].ties * edge;
      below[s].squares += signs[s].ties * edge * edge;
    }
    const double inside = signs[0].count + signs[1].count;
    const double inside_sum = signs[0].sum + signs[1].sum;
    const double with_edge = count + signs[0].ties + signs[1].ties;
    const double sum_with_edge = sum + (signs[0].ties + signs[1].ties) * edge;
    const double all = solve(with_edge + inside, sum_with_edge + inside_sum);
    if (all <= top) {
      // The sum of max(0, alpha - x) over the inside is convex in x: at least that at the mean, at
      // most that of elements on both edges.
      const double mean = inside > 0 ? inside_sum / inside : edge;
      const double on_edge = inside * (top - mean) / (top - edge);
      alpha_ = {solve(with_edge + on_edge, sum_with_edge + on_edge * edge),
                std::min(all, solve(with_edge, sum_with_edge))};
      if (inside > 0) {
        bucket_ = {edge, top};
        for (std::size_t s = 0; s < 2; ++s) {
          undecided_[s] = signs[s].count;
          undecided_squares_[s] = signs[s].squares;
        }
      }
      first_kept = key + 1;
      found = true;
      break;
    }
    for (std::size_t s = 0; s < 2; ++s) {
      below[s].count += signs[s].count;
      below[s].sum += signs[s].sum;
      below[s].squares += signs[s].squares;
    }
  }
  if (!found) alpha_ = point(solve(below[0].count + below[1].count, below[0].sum + below[1].sum));
  for (std::size_t s = 0; s < 2; ++s) {
    below[s].edge = below[s].top = std::numeric_limits<double>::infinity();
    below_[s].push_back(below[s]);
  }
  // alpha is rounded to fp32.
  alpha_ = {alpha_.low * (1 - 0x1p-23), alpha_.high * (1 + 0x1p-23)};
  if (!(alpha_.high <= double{std::numeric_limits<float>::max()})) {
    refusal_ = "no threshold reaches the sparsity";
  } else if (alpha_.low < 0x1p-126) {
    refusal_ = "the threshold is subnormal";
  }
  kept_ = ProfileTable(buckets_from(profile, first_kept));
}

class PrunedProfile::Evaluation {
 public:
  Evaluation(const PrunedProfile& pruned, const Format& format, const CastOptions& options,
             int scale_exponent)
      : pruned_(pruned), format_(format), options_(options), scale_exponent_(scale_exponent) {
    options_.nan = NanPolicy::zero;
  }

  // The cast of every magnitude in x, of a sign. inside: x is the inside of a bucket.
  [[nodiscard]] Outcomes outcomes(Interval x, bool negative, bool inside) const {
    const auto cast = [&](Rounding rounding, double magnitude) {
      CastOptions options = options_;
      options.rounding = rounding;
      if (options_.rounding.is_stochastic()) options.overflow = Overflow::saturate;
      const double scaled = std::ldexp(negative ? -magnitude : magnitude, scale_exponent_);
      return std::abs(
          std::ldexp(decode(format_, encode(format_, options, scaled, 0)), -scale_exponent_));
    };
    // Between two edges no boundary is: one place stands for all of the inside.
    const double low = inside ? x.low + (x.high - x.low) / 2 : x.low;
    const double high = inside ? low : x.high;
    Outcomes result;
    const double largest = std::ldexp(max_finite(format_), -scale_exponent_);
    if (!options_.rounding.is_stochastic()) {
      const double q = cast(options_.rounding, low);
      if (q != cast(options_.rounding, high)) result.refusal = "a rounding boundary is at alpha";
      if (!std::isfinite(q)) result.refusal = "the threshold overflows";
      result.values = {{q, point(1)}};
      result.saturated = {0, high > largest ? 1.0 : 0.0};
      return result;
    }
    if (high > largest) result.refusal = "the threshold may overflow";
    const Rounding away{.mode = negative ? Rounding::Mode::rdn : Rounding::Mode::rup};
    const Rounding toward{.mode = Rounding::Mode::rtz};
    const double below = cast(toward, low);
    const double above = cast(away, high);
    if (below == above) {
      result.values = {{below, point(1)}};
      return result;
    }
    if (low != high && (cast(toward, high) != below || cast(away, low) != above)) {
      result.refusal = "a value of the format is at alpha";
    }
    const Interval up = {std::clamp((x.low - below) / (above - below), 0.0, 1.0),
                         std::clamp((x.high - below) / (above - below), 0.0, 1.0)};
    result.values = {{below, point(1) - up}, {above, up}};
    return result;
  }

  // The elements below alpha, with probability |x| / alpha at alpha's outcomes, else zero.
  [[nodiscard]] Sums of_below(std::size_t sign, const Outcomes& at_alpha) {
    const std::vector<Below>& below = pruned_.below_[sign];
    const Below& all = below.back();
    const Interval inverse = over(point(1), pruned_.alpha_);
    const Interval promoted = point(all.sum) * inverse;
    const Interval dropped = point(all.count) - promoted;
    Sums sums;
    sums.zeros = dropped + at_alpha.zero() * promoted;
    sums.saturated = at_alpha.saturated * promoted;
    sums.squared_error = point(all.squares);
    sums.relative_error = dropped;
    for (const auto& [q, probability] : at_alpha.values) {
      sums.squared_error =
          sums.squared_error + probability * inverse * point(q * q * all.sum - 2 * q * all.squares);
      // |q - x|: below q, and above it again.
      double distance = q * all.count - all.sum;
      if (q < pruned_.alpha_.high) {
        const auto from = std::ranges::lower_bound(below, q, {}, &Below::edge);
        if (from != below.begin() && std::prev(from)->top > q && std::prev(from)->edge < q) {
          refusal_ = "the format is finer than the profile's buckets";
        }
        distance += 2 * ((all.sum - from->sum) - q * (all.count - from->count));
      }
      sums.relative_error = sums.relative_error + probability * inverse * point(distance);
    }
    sums.error = at_alpha.mean() * promoted - point(all.sum);
    sums.qx = at_alpha.mean() * point(all.squares) * inverse;
    sums.qq = at_alpha.mean_square() * promoted;
    sums.variance = at_alpha.variance() * promoted;
    return sums;
  }

  // One element x that becomes zero unless an event of this probability has the cast's outcomes.
  static Sums of_one(Interval x, Interval probability, const Outcomes& cast) {
    const Interval dropped = point(1) - probability;
    Sums sums;
    sums.zeros = dropped + probability * cast.zero();
    sums.saturated = probability * cast.saturated;
    Interval squared_error;
    Interval distance;
    for (const auto& [q, w] : cast.values) {
      squared_error = squared_error + w * square(point(q) - x);
      distance = distance + w * magnitude(point(q) - x);
    }
    sums.squared_error = probability * squared_error + dropped * square(x);
    sums.relative_error = probability * over(distance, x) + dropped;
    sums.error = probability * cast.mean() - x;
    sums.qx = probability * cast.mean() * x;
    sums.qq = probability * cast.mean_square();
    sums.variance = probability * cast.variance();
    return sums;
  }

  // The elements of alpha's bucket: each is above or below.
  [[nodiscard]] Sums of_undecided(std::size_t sign, const Outcomes& at_alpha) {
    if (pruned_.undecided_[sign] == 0) return {};
    const Interval x = pruned_.bucket_;
    const Outcomes cast = outcomes(x, sign == 1, true);
    if (!cast.refusal.empty()) refusal_ = cast.refusal;
    const Sums above = of_one(x, point(1), cast);
    const Sums below = of_one(x, {std::min(1.0, x.low / pruned_.alpha_.high), 1.0}, at_alpha);
    const Interval n = point(pruned_.undecided_[sign]);
    return {.zeros = n * hull(above.zeros, below.zeros),
            .saturated = n * hull(above.saturated, below.saturated),
            .squared_error = n * hull(above.squared_error, below.squared_error),
            .relative_error = n * hull(above.relative_error, below.relative_error),
            .error = n * hull(above.error, below.error),
            .qx = n * hull(above.qx, below.qx),
            .qq = n * hull(above.qq, below.qq),
            .variance = n * hull(above.variance, below.variance)};
  }

  [[nodiscard]] std::string_view refusal() const { return refusal_; }

 private:
  const PrunedProfile& pruned_;
  const Format& format_;
  CastOptions options_;
  int scale_exponent_;
  std::string_view refusal_;
};

PrunedProfile::Answer PrunedProfile::measure(const Format& format, const CastOptions& options,
                                             int scale_exponent) const {
  const auto refuse = [](std::string_view why) { return Answer{{}, {}, why}; };
  if (!refusal_.empty()) return refuse(refusal_);
  const auto kept = kept_.sums(format, options, scale_exponent);
  if (!kept.refusal.empty()) return refuse(kept.refusal);
  CastSums exact = kept.sums;
  if (alpha_.high == 0) return {measures_of(exact), {}, {}};
  Sums sums;
  Evaluation evaluation(*this, format, options, scale_exponent);
  for (const std::size_t sign : {0u, 1u}) {
    const double below = below_[sign].back().count;
    if (below + undecided_[sign] == 0) continue;
    const Outcomes at_alpha = evaluation.outcomes(alpha_, sign == 1, false);
    if (!at_alpha.refusal.empty()) return refuse(at_alpha.refusal);
    sums.add(evaluation.of_below(sign, at_alpha), sign == 0 ? 1 : -1);
    sums.add(evaluation.of_undecided(sign, at_alpha), sign == 0 ? 1 : -1);
    const double n = below + undecided_[sign];
    exact.numel += static_cast<std::uint64_t>(n);
    exact.included += n;
    exact.included_nonzero += n;
    exact.xx += below_[sign].back().squares + undecided_squares_[sign];
  }
  if (!evaluation.refusal().empty()) return refuse(evaluation.refusal());

  // Every measure grows or falls with each sum alone, so its extremes are at the intervals' ends.
  const auto at = [&](bool upper) {
    const auto end = [&](Interval i) { return upper ? i.high : i.low; };
    CastSums s = exact;
    s.zeros += end(sums.zeros);
    s.saturated += end(sums.saturated);
    s.squared_error += end(sums.squared_error);
    s.relative_error += end(sums.relative_error);
    s.error += end(sums.error);
    s.variance += end(sums.variance);
    s.qx += end(sums.qx);
    s.qq += upper ? sums.qq.low : sums.qq.high;
    return measures_of(s);
  };
  const CastMeasures low = at(false);
  const CastMeasures high = at(true);
  Answer answer;
  answer.measures.numel = exact.numel;
  for (const auto member :
       {&CastMeasures::zeros, &CastMeasures::saturated, &CastMeasures::excluded,
        &CastMeasures::mean_relative_error, &CastMeasures::mse, &CastMeasures::cosine,
        &CastMeasures::sqnr_db, &CastMeasures::bias, &CastMeasures::variance}) {
    answer.measures.*member = low.*member + (high.*member - low.*member) / 2;
    answer.bound.*member = std::abs(high.*member - low.*member) / 2;
  }
  return answer;
}

}  // namespace gradpath
