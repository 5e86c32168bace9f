#pragma once

#include <cmath>
#include <cstdint>

#include "models/schemes/kernel.hpp"

namespace gradpath::schemes {

/// How AffineKernel makes an integer of a number >= 0.
enum class AffineRounding : std::uint8_t { nearest_even, stochastic, floor };

/// Equal steps around an offset: y = (x - offset) * per_step + origin in doubles, clamped to
/// 0 .. last, made an integer; its value is offset + (code - origin + centre) * step, rounded to
/// fp32 once. last < 2^30.
template <AffineRounding rounding>
struct AffineKernel {
  static constexpr bool kUsesWords = rounding == AffineRounding::stochastic;

  double offset;
  double step;
  double per_step;  ///< 1 / step; 0 where step is 0, and then all is code 0
  double last;
  double origin = 0;  ///< y of the offset itself
  double centre = 0;  ///< of a step, where the value lies

  [[nodiscard]] std::int32_t code(float x, std::uint32_t word) const {
    double y = (double{x} - offset) * per_step + origin;
    y = y > 0.0 ? y : 0.0;  // also the NaN of infinity * 0
    y = y < last ? y : last;
    if constexpr (rounding == AffineRounding::nearest_even) {
      constexpr double kToInteger = 0x1.8p52;
      return static_cast<std::int32_t>((y + kToInteger) - kToInteger);
    } else {
      const auto below = static_cast<std::int32_t>(y);
      if constexpr (rounding == AffineRounding::floor) return below;
      const double fraction = y - static_cast<double>(below);
      return below + goes_up(static_cast<std::int32_t>(fraction * 0x1p24), word);
    }
  }
  [[nodiscard]] float value(std::int32_t code) const {
    return static_cast<float>(offset + (static_cast<double>(code) - origin + centre) * step);
  }
};

}  // namespace gradpath::schemes
