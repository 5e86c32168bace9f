#include "models/profile/cast_measures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include "models/quantize/quantizer.hpp"
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
    const bool toward_zero = mode == Rounding::Mode::rtz ||
                             (mode == Rounding::Mode::rup && negative) ||
                             (mode == Rounding::Mode::rdn && !negative);
    if (!toward_zero) return std::numeric_limits<double>::infinity();
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
  m.bias = sums.included > 0 ? sums.error / sums.included : kUndefined;
  // Roots first: near fp32's smallest values the product of the sums would underflow.
  const double norms = std::sqrt(sums.qq) * std::sqrt(sums.xx);
  m.cosine = norms > 0 ? sums.qx / norms : kUndefined;
  m.sqnr_db =
      sums.xx > 0 ? 10 * (std::log10(sums.xx) - std::log10(sums.squared_error)) : kUndefined;
  return m;
}

CastMeasures measure_by_casting(const Format& format, CastOptions options, float scale,
                                std::span<const float> input, std::span<const float> reference,
                                CounterRandom random) {
  if (input.size() != reference.size()) {
    throw std::invalid_argument("measure_by_casting: sizes of input and reference differ");
  }
  options.nan = NanPolicy::zero;
  const Quantizer quantizer(format, options);
  const Quantizer probe(overflow_probe(format),
                        {options.rounding, Overflow::standard, NanPolicy::zero, options.flush});
  const OverflowTest overflows(format, options.rounding.mode);
  constexpr std::size_t kBlock = 2048;
  std::vector<float> cast(kBlock);
  std::vector<float> probed(kBlock);
  CastSums sums;
  sums.numel = input.size();
  CompensatedSum squared_error, relative_error, error, qx, qq, xx;
  for (std::size_t begin = 0; begin < input.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, input.size() - begin);
    const auto block = input.subspan(begin, count);
    quantizer.to_values(block, std::span(cast).first(count), scale, random, begin);
    probe.to_values(block, std::span(probed).first(count), scale, random, begin);
    for (std::size_t i = 0; i < count; ++i) {
      const double x = reference[begin + i];
      const double q = cast[i];
      if (std::isnan(block[i])) continue;
      if (overflows(double{block[i] * scale}, probed[i])) sums.saturated += 1;
      if (std::isinf(block[i])) continue;
      sums.zeros += q == 0 ? 1.0 : 0.0;
      if (!std::isfinite(q) || !std::isfinite(x)) continue;
      sums.included += 1;
      error.add(q - x);
      squared_error.add((q - x) * (q - x));
      qx.add(q * x);
      qq.add(q * q);
      xx.add(x * x);
      if (x == 0) continue;
      sums.included_nonzero += 1;
      relative_error.add(std::abs(q - x) / std::abs(x));
    }
  }
  sums.squared_error = squared_error.value();
  sums.relative_error = relative_error.value();
  sums.error = error.value();
  sums.qx = qx.value();
  sums.qq = qq.value();
  sums.xx = xx.value();
  return measures_of(sums);
}

}  // namespace gradpath
