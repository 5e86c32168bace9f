#include "models/scale/shift_squeeze.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"

namespace gradpath {
namespace {

// 2^(alpha * log2|x| + beta) with the sign of x.
template <class F>
void map_magnitudes(std::span<const float> in, std::span<float> out, F exponent_of) {
  if (in.size() != out.size()) throw std::invalid_argument("shift and squeeze: sizes differ");
  for (std::size_t i = 0; i < in.size(); ++i) {
    const float x = in[i];
    if (x == 0.0f || !std::isfinite(x)) {
      out[i] = x;
    } else {
      const double magnitude = std::exp2(exponent_of(std::log2(std::abs(double{x}))));
      out[i] = std::copysign(static_cast<float>(magnitude), x);
    }
  }
}

}  // namespace

ShiftSqueeze shift_squeeze(const Format& format, const LogMoments& moments) {
  if (moments.nonzeros == 0) return {};
  const double mean = moments.mean_log2();
  const double span = std::log2(moments.amax) - mean;
  const int emax = std::ilogb(max_finite(format));
  if (emax < 1) {  // a squeeze of 0 or less would join or swap magnitudes
    throw UserError(fmt::format(
        "s2fp8 puts the mean at 1 and the largest into the top binade: expected a format whose "
        "largest finite is 2 or more; that of {} is {}",
        format_name(format), max_finite(format)));
  }
  const auto alpha = static_cast<float>(emax / span);
  if (!(span > 0) || !std::isnormal(alpha)) return {.beta = static_cast<float>(-mean)};
  return {.alpha = alpha, .beta = static_cast<float>(-(emax / span) * mean)};
}

void apply(const ShiftSqueeze& transform, std::span<const float> in, std::span<float> out) {
  map_magnitudes(in, out,
                 [alpha = double{transform.alpha}, beta = double{transform.beta}](double log) {
                   return alpha * log + beta;
                 });
}

void undo(const ShiftSqueeze& transform, std::span<const float> in, std::span<float> out) {
  map_magnitudes(in, out,
                 [alpha = double{transform.alpha}, beta = double{transform.beta}](double log) {
                   return (log - beta) / alpha;
                 });
}

}  // namespace gradpath
