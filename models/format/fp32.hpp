#pragma once

#include <bit>
#include <cstdint>

/// The fields of an fp32 number's bits (IEEE 754-2019, 3.4).
namespace gradpath::fp32 {

inline constexpr int kFractionBits = 23;
inline constexpr int kBias = 127;
inline constexpr std::uint32_t kSign = 0x80000000u;
inline constexpr std::uint32_t kMagnitude = 0x7fffffffu;  ///< all but the sign
inline constexpr std::uint32_t kFraction = 0x007fffffu;
inline constexpr std::uint32_t kInfinity = 0x7f800000u;  ///< NaNs lie above it, as magnitudes
inline constexpr std::uint32_t kSmallestNormal = 0x00800000u;

[[nodiscard]] constexpr std::uint32_t magnitude(float x) {
  return std::bit_cast<std::uint32_t>(x) & kMagnitude;
}

/// A finite magnitude as significand * 2^(exponent - 150), for normals and subnormals alike.
struct Parts {
  std::uint32_t significand;
  int exponent;  ///< the exponent field, 1 for subnormals
};
[[nodiscard]] constexpr Parts split(std::uint32_t magnitude) {
  const std::uint32_t field = magnitude >> kFractionBits;
  if (field == 0) return {magnitude, 1};
  return {(magnitude & kFraction) | kSmallestNormal, static_cast<int>(field)};
}
/// The same with the leading bit of the significand in place 23; exponent may be below 1.
/// magnitude: not 0.
[[nodiscard]] constexpr Parts split_normalised(std::uint32_t magnitude) {
  const Parts parts = split(magnitude);
  const int up = std::countl_zero(parts.significand) - 8;
  return {parts.significand << up, parts.exponent - up};
}

}  // namespace gradpath::fp32
