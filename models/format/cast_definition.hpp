#pragma once

#include <algorithm>
#include <cstdint>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/round/rounding.hpp"

namespace gradpath {

// The integer form of a cast, `encode` (codec.hpp) for fp32 bits. All of it is constexpr, so that
// CUDA compiles the same text for a GPU (sim/python/gradpath/torch/kernels.cu).

/// No code: what a NaN becomes where the format has none and NanPolicy::error holds. No cast's
/// result otherwise.
inline constexpr Code kNoCode = ~Code{0};

[[nodiscard]] constexpr Code with_sign(const Format& format, Code magnitude, bool negative) {
  if (!negative || (magnitude == 0 && !format.has_negative_zero())) return magnitude;
  return magnitude | format.sign_mask();
}

/// The code of an infinity, and of a finite value that rounds past the largest finite.
[[nodiscard]] constexpr Code overflow_code(const Format& format, Overflow overflow, bool negative) {
  if (overflow == Overflow::standard) {
    if (format.has_infinity()) return with_sign(format, format.infinity_magnitude(), negative);
    if (format.has_nan()) return format.nan_code();
  }
  return with_sign(format, format.max_finite_magnitude(), negative);
}

/// The code of a NaN; kNoCode under NanPolicy::error where the format has none.
[[nodiscard]] constexpr Code code_of_nan(const Format& format, NanPolicy policy, bool negative) {
  if (format.has_nan()) return format.nan_code();
  switch (policy) {
    case NanPolicy::zero:
      return 0;
    case NanPolicy::max:
      return with_sign(format, format.max_finite_magnitude(), negative);
    case NanPolicy::error:
      break;
  }
  return kNoCode;
}

/// Whether a cut significand goes up. is_odd: what is left of it is; fraction: the `shift` bits cut
/// off, not all zero; word: used by stochastic rounding alone.
[[nodiscard]] constexpr bool rounds_up(const Rounding& rounding, bool negative, bool is_odd,
                                       std::uint64_t fraction, int shift, std::uint32_t word) {
  if (!rounding.is_stochastic()) {
    return rounds_up(rounding.mode, negative, is_odd,
                     fraction <=> (std::uint64_t{1} << (shift - 1)));
  }
  const int cut = shift - rounding.random_bits;  // fraction bits below the R that take part
  std::uint64_t top = cut >= 0 ? fraction >> cut : fraction << -cut;
  if (rounding.mode == Rounding::Mode::sru && cut > 0) {
    const std::uint64_t rest = fraction & ((std::uint64_t{1} << cut) - 1);
    const std::uint64_t middle = std::uint64_t{1} << (cut - 1);
    top += rest > middle || (rest == middle && (top & 1) != 0) ? 1u : 0u;
  }
  const std::uint64_t u = word >> (32 - rounding.random_bits);
  return ((top + u) >> rounding.random_bits) != 0;
}

/// The place of a finite |x| on the grid of a format with subnormals, continued past the largest
/// finite: the significand is shifted to the format's quantum, and what falls off decides.
[[nodiscard]] constexpr std::uint64_t rounded_place(const Format& format, const Rounding& rounding,
                                                    std::uint32_t abs_bits, bool negative,
                                                    std::uint32_t word) {
  constexpr int kFractionBits = 23;
  constexpr std::uint64_t kImplicitOne = std::uint64_t{1} << kFractionBits;
  // Beyond this many places every fraction bit is below the rounding decision of any mode: 24
  // significand bits, 32 random bits, and one.
  constexpr int kMaxShift = 57;
  if (abs_bits == 0) return 0;
  std::uint64_t significand = abs_bits & (kImplicitOne - 1);
  int exponent = static_cast<int>(abs_bits >> kFractionBits) - 127;
  if (exponent == -127) {  // fp32 subnormal: normalised, for formats that reach lower
    for (exponent = -126; significand < kImplicitOne; --exponent) significand <<= 1;
  } else {
    significand |= kImplicitOne;
  }
  const int quantum_exponent = std::max(exponent, format.min_exponent());
  const int shift =
      std::min(kFractionBits - format.mantissa_bits + (quantum_exponent - exponent), kMaxShift);
  const auto base = static_cast<std::uint64_t>(quantum_exponent + format.bias - 1)
                    << format.mantissa_bits;
  const std::uint64_t place = base + (significand >> shift);
  const std::uint64_t fraction = significand & ((std::uint64_t{1} << shift) - 1);
  if (fraction == 0) return place;
  const bool is_odd = (place & 1) != 0;
  return place + (rounds_up(rounding, negative, is_odd, fraction, shift, word) ? 1u : 0u);
}

/// The code of an fp32 number, by its bits. The format has subnormals, and a sign if
/// the number is negative.
[[nodiscard]] constexpr Code cast_bits(const Format& format, const CastOptions& options,
                                       std::uint32_t bits, std::uint32_t word) {
  constexpr std::uint32_t kInfinityBits = 0x7f800000u;
  constexpr std::uint32_t kSmallestNormalBits = 0x00800000u;
  std::uint32_t abs_bits = bits & 0x7fffffffu;
  const bool negative = bits != abs_bits;
  if (abs_bits > kInfinityBits) return code_of_nan(format, options.nan, negative);
  if (abs_bits == kInfinityBits) return overflow_code(format, options.overflow, negative);
  if (flushes_input(options.flush) && abs_bits < kSmallestNormalBits) abs_bits = 0;
  std::uint64_t place = rounded_place(format, options.rounding, abs_bits, negative, word);
  if (place > format.max_finite_magnitude()) {
    // Toward zero it stops at the largest finite, which no flush takes away: e1m6 has subnormals
    // alone.
    return rounds_toward_zero(options.rounding.mode, negative)
               ? with_sign(format, format.max_finite_magnitude(), negative)
               : overflow_code(format, options.overflow, negative);
  }
  if (flushes_output(options.flush) && place >> format.mantissa_bits == 0) place = 0;
  return with_sign(format, static_cast<Code>(place), negative);
}

}  // namespace gradpath
