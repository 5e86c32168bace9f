#pragma once

#include <cmath>
#include <cstdint>

#include "models/schemes/kernel.hpp"

namespace gradpath::schemes {

/// Symmetric integers: the code is x * scale (rounded to fp32), clamped to +-limit and rounded to
/// an integer; its value is code / scale in fp32. limit < 2^22.
template <bool stochastic>
struct SymmetricKernel {
  static constexpr bool kUsesWords = stochastic;

  float scale;
  float limit;

  [[nodiscard]] std::int32_t code(float x, std::uint32_t word) const {
    float y = x * scale;
    y = y < limit ? y : limit;
    y = y > -limit ? y : -limit;
    if constexpr (stochastic) {
      const float a = std::abs(y);
      const auto below = static_cast<std::int32_t>(a);
      const float fraction = a - static_cast<float>(below);  // exact, as its product with 2^24
      const std::int32_t q = below + goes_up(static_cast<std::int32_t>(fraction * 0x1p24f), word);
      return y < 0.0f ? -q : q;
    } else {
      // 1.5 * 2^23 leaves no fraction bits: the addition rounds to nearest even.
      constexpr float kToInteger = 0x1.8p23f;
      return static_cast<std::int32_t>((y + kToInteger) - kToInteger);
    }
  }
  [[nodiscard]] float value(std::int32_t code) const { return static_cast<float>(code) / scale; }
};

/// The scheme with codes -limit .. limit, limit = 2^(bits - 1) - 1. scale: positive, normal.
[[nodiscard]] std::unique_ptr<PreparedScheme> make_symmetric(int bits, float scale,
                                                             bool is_stochastic,
                                                             const SchemeContext& context);

}  // namespace gradpath::schemes
