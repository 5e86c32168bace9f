#pragma once

#include <cstdint>

namespace gradpath {

/// Stochastic pruning of one element, on fp32 bits (docs/numerics.md, "Pruning"): passes at or
/// above the threshold, else becomes +-alpha with probability |x| / alpha and +0 otherwise.
/// alpha_bits: of a finite alpha >= 0, without sign; random_bits: R, 1..24, the top ones of `word`.
/// constexpr, so that CUDA compiles the same text for a GPU.
[[nodiscard]] constexpr std::uint32_t prune_bits(std::uint32_t bits, std::uint32_t alpha_bits,
                                                 int random_bits, std::uint32_t word) {
  // Significand and exponent field such that the value is significand * 2^(exponent - 150), for
  // normals and subnormals alike.
  struct Parts {
    std::uint32_t significand;
    int exponent;
  };
  const auto split = [](std::uint32_t magnitude) {
    const std::uint32_t field = magnitude >> 23;
    const std::uint32_t fraction = magnitude & 0x007fffffu;
    return field == 0 ? Parts{fraction, 1} : Parts{fraction | 0x00800000u, static_cast<int>(field)};
  };
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= alpha_bits) return bits;
  const Parts value = split(magnitude);
  const Parts threshold = split(alpha_bits);
  const int d = threshold.exponent - value.exponent;
  if (d > random_bits + 1) return 0;
  const std::uint64_t u = word >> (32 - random_bits);
  const std::uint64_t left = (2 * u + 1) * threshold.significand;
  const std::uint64_t right = (std::uint64_t{value.significand} << (random_bits + 1)) >> d;
  return left < right ? (bits & 0x80000000u) | alpha_bits : 0;
}

}  // namespace gradpath
