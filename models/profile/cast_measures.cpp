#include "models/profile/cast_measures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "models/quantize/quantizer.hpp"
#include "models/stats/counts.hpp"
#include "models/stats/sum.hpp"

namespace gradpath {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A format with the same finite values whose overflow shows: `f` formats saturate silently.
Format overflow_probe(Format format) {
  if (format.non_finite == NonFinite::none) format.non_finite = NonFinite::nan_neg_zero;
  return format;
}

// Whether an element rounded past the largest finite, given its cast to the probe under `standard`.
class OverflowTest {
 public:
  OverflowTest(const Format& format, Rounding::Mode mode)
      : max_finite_(max_finite(format)),
        positive_threshold_(threshold(format, mode, false)),
        negative_threshold_(threshold(format, mode, true)) {}

  [[nodiscard]] bool operator()(double scaled, double probed) const {
    // Else the quotient by the scale overflowed fp32, or an unsigned format made a NaN.
    if (std::abs(scaled) <= max_finite_) return false;
    const double limit = std::signbit(scaled) ? negative_threshold_ : positive_threshold_;
    return !std::isfinite(probed) || std::abs(scaled) >= limit;
  }

 private:
  // Toward zero nothing finite overflows; it is cut to the largest finite from the next value on.
  static double threshold(const Format& format, Rounding::Mode mode, bool negative) {
    if (!rounds_toward_zero(mode, negative)) return std::numeric_limits<double>::infinity();
    const double largest = max_finite(format);
    const int exponent = std::max(std::ilogb(largest), format.min_exponent());
    return largest + std::ldexp(1.0, exponent - format.mantissa_bits);
  }

  double max_finite_;
  double positive_threshold_;
  double negative_threshold_;
};

}  // namespace

CastMeasures measures_of(const CastSums& sums) {
  CastMeasures m;
  m.numel = sums.numel;
  m.zeros = sums.zeros;
  m.saturated = sums.saturated;
  m.excluded = static_cast<double>(sums.numel) - sums.included;
  m.mean_relative_error =
      sums.included_nonzero > 0 ? sums.relative_error / sums.included_nonzero : kUndefined;
  m.mse = sums.included > 0 ? sums.squared_error / sums.included : kUndefined;
  m.variance = sums.included > 0 ? sums.variance / sums.included : kUndefined;
  m.bias = sums.included > 0 ? sums.error / sums.included : kUndefined;
  // Roots first: near fp32's smallest values the product of the sums would underflow.
  const double norms = std::sqrt(sums.qq) * std::sqrt(sums.xx);
  m.cosine = norms > 0 ? sums.qx / norms : kUndefined;
  m.sqnr_db =
      sums.xx > 0 ? 10 * (std::log10(sums.xx) - std::log10(sums.squared_error)) : kUndefined;
  return m;
}

void CastSums::add(const CastSums& other) {
  numel += other.numel;
  included += other.included;
  included_nonzero += other.included_nonzero;
  zeros += other.zeros;
  saturated += other.saturated;
  squared_error += other.squared_error;
  relative_error += other.relative_error;
  error += other.error;
  qx += other.qx;
  qq += other.qq;
  xx += other.xx;
  variance += other.variance;
}

namespace {

// The variance of a cast over its random words. With y between the neighbours `low` and `high`,
// high is drawn with probability p = T / 2^R, T being (y - low) / (high - low) in R bits.
class WordVariance {
 public:
  WordVariance(const Format& format, const CastOptions& options)
      : mode_(options.rounding.mode),
        steps_(std::ldexp(1.0, options.rounding.random_bits)),
        flush_below_(flushes_output(options.flush) ? std::ldexp(1.0, format.min_exponent()) : 0.0),
        toward_zero_(format, neighbour(Rounding::Mode::rtz, options)),
        up_(format, neighbour(Rounding::Mode::rup, options)),
        down_(format, neighbour(Rounding::Mode::rdn, options)) {}

  // y: what enters the cast; at most kBlock of them.
  void neighbours(std::span<const float> y) {
    low_.resize(y.size());
    above_.resize(y.size());
    below_.resize(y.size());
    const CounterRandom none{Seed{}};
    toward_zero_.to_values(y, low_, 1.0f, none, 0);
    up_.to_values(y, above_, 1.0f, none, 0);
    down_.to_values(y, below_, 1.0f, none, 0);
  }
  // Of element i, in units of y.
  [[nodiscard]] double operator()(float y, std::size_t i) const {
    const double low = std::abs(low_[i]);
    const double high = std::abs(y > 0 ? above_[i] : below_[i]);
    if (!(high > low)) return 0.0;
    const double steps = (std::abs(double{y}) - low) / (high - low) * steps_;
    const double p =
        (mode_ == Rounding::Mode::sr ? std::floor(steps) : std::nearbyint(steps)) / steps_;
    const double gap = flushed(high) - flushed(low);
    return p * (1 - p) * gap * gap;
  }

 private:
  static CastOptions neighbour(Rounding::Mode mode, CastOptions options) {
    options.rounding = {.mode = mode};
    options.overflow = Overflow::saturate;
    options.flush = flushes_input(options.flush) ? Flush::input : Flush::none;
    return options;
  }
  [[nodiscard]] double flushed(double q) const { return q < flush_below_ ? 0.0 : q; }

  Rounding::Mode mode_;
  double steps_;
  double flush_below_;
  Quantizer toward_zero_;
  Quantizer up_;
  Quantizer down_;
  std::vector<float> low_;
  std::vector<float> above_;
  std::vector<float> below_;
};

// Sums up what a cast does, block by block.
class Comparison {
 public:
  Comparison(const Format& format, const CastOptions& options)
      : probe_(overflow_probe(format),
               {options.rounding, Overflow::standard, NanPolicy::zero, options.flush}),
        overflows_(format, options.rounding.mode) {
    if (options.rounding.is_stochastic()) variance_of_.emplace(format, options);
  }

  // input: ahead of the scale; scaled: what enters the cast; cast: divided by the scale again;
  // unit(i): what one of a scaled element is in the tensor. first: index of the first element.
  template <class Unit>
  void add(std::span<const float> input, std::span<const float> scaled, std::span<const float> cast,
           std::span<const float> reference, CounterRandom random, std::uint64_t first, Unit unit) {
    probed_.resize(input.size());
    probe_.to_values(scaled, probed_, 1.0f, random, first);
    if (variance_of_) variance_of_->neighbours(scaled);
    sums_.numel += input.size();
    for (std::size_t i = 0; i < input.size(); ++i) {
      const double x = reference[i];
      const double q = cast[i];
      if (std::isnan(input[i])) continue;
      if (overflows_(double{scaled[i]}, probed_[i])) sums_.saturated += 1;
      if (std::isinf(input[i])) continue;
      sums_.zeros += q == 0 ? 1.0 : 0.0;
      if (!std::isfinite(q) || !std::isfinite(x)) continue;
      sums_.included += 1;
      error_.add(q - x);
      squared_error_.add((q - x) * (q - x));
      qx_.add(q * x);
      qq_.add(q * q);
      xx_.add(x * x);
      if (variance_of_) {
        const double u = unit(i);
        variance_sum_.add((*variance_of_)(scaled[i], i) * u * u);
      }
      if (x == 0) continue;
      sums_.included_nonzero += 1;
      relative_error_.add(std::abs(q - x) / std::abs(x));
    }
  }

  [[nodiscard]] CastMeasures measures() const {
    CastSums sums = sums_;
    sums.squared_error = squared_error_.value();
    sums.relative_error = relative_error_.value();
    sums.error = error_.value();
    sums.qx = qx_.value();
    sums.qq = qq_.value();
    sums.xx = xx_.value();
    sums.variance = variance_sum_.value();
    return measures_of(sums);
  }

 private:
  Quantizer probe_;
  OverflowTest overflows_;
  std::optional<WordVariance> variance_of_;
  std::vector<float> probed_;
  CastSums sums_;
  CompensatedSum squared_error_, relative_error_, error_, qx_, qq_, xx_, variance_sum_;
};

void check_sizes(std::span<const float> input, std::span<const float> reference) {
  if (input.size() != reference.size()) {
    throw std::invalid_argument("measure_by_casting: sizes of input and reference differ");
  }
}

}  // namespace

CastMeasures measure_by_casting(const Format& format, CastOptions options, float scale,
                                std::span<const float> input, std::span<const float> reference,
                                CounterRandom random) {
  check_sizes(input, reference);
  options.nan = NanPolicy::zero;
  const Quantizer quantizer(format, options);
  Comparison comparison(format, options);
  constexpr std::size_t kBlock = 2048;
  std::vector<float> scaled;
  std::vector<float> cast;
  for (std::size_t begin = 0; begin < input.size(); begin += kBlock) {
    const auto block = input.subspan(begin, std::min(kBlock, input.size() - begin));
    scaled.resize(block.size());
    cast.resize(block.size());
    quantizer.to_values(block, cast, scale, random, begin);
    for (std::size_t i = 0; i < block.size(); ++i) scaled[i] = block[i] * scale;
    comparison.add(block, scaled, cast, reference.subspan(begin, block.size()), random, begin,
                   [&](std::size_t) { return 1.0 / double{scale}; });
  }
  return comparison.measures();
}

CastMeasures measure_by_casting(const Format& format, CastOptions options,
                                const BlockScaling& scaling, const BlockLayout& layout,
                                std::span<const float> input, std::span<const float> reference,
                                CounterRandom random) {
  check_sizes(input, reference);
  if (input.size() != layout.numel()) {
    throw std::invalid_argument("measure_by_casting: the layout is of another tensor");
  }
  options.nan = NanPolicy::zero;
  const Quantizer quantizer(format, options);
  const float amax = scaling.kind == BlockScaling::Kind::nvfp4
                         ? static_cast<float>(count_tensor(input).amax())
                         : 0.0f;
  const BlockQuantizer blocks(quantizer, scaling, layout, amax);
  Comparison comparison(format, options);
  constexpr std::uint64_t kElements = std::uint64_t{1} << 14;
  std::vector<std::uint8_t> scales;
  std::vector<float> scaled;
  std::vector<float> cast;
  for (std::uint64_t group = 0; group < layout.groups() && !input.empty();) {
    const std::uint64_t begin = layout.group_begin(group);
    GroupRange range{group, 0};
    while (group + range.count < layout.groups() &&
           (range.count == 0 || layout.group_begin(group + range.count + 1) - begin <= kElements)) {
      ++range.count;
    }
    const auto size = layout.group_begin(group + range.count) - begin;
    const auto block = input.subspan(begin, size);
    scales.resize(range.count * layout.inner);
    scaled.resize(size);
    cast.resize(size);
    blocks.find_scales(block, range, scales);
    blocks.scale_elements(block, range, scales, scaled);
    blocks.to_values(block, range, scales, cast, random);
    const auto unit = [&](std::size_t i) {
      const std::uint64_t in_range = layout.group_of(begin + i) - group;
      return 1.0 / double{blocks.multiplier(scales[in_range * layout.inner + i % layout.inner])};
    };
    comparison.add(block, scaled, cast, reference.subspan(begin, size), random, begin, unit);
    group += range.count;
  }
  return comparison.measures();
}

}  // namespace gradpath
