#pragma once

#include <cstdint>

namespace gradpath {

/// A code word of a format, right-aligned: sign bit (if signed), exponent field, mantissa field.
using Code = std::uint32_t;

/// Which codes of a format are not numbers.
enum class NonFinite : std::uint8_t {
  ieee,            ///< top exponent: infinity at mantissa 0, NaN elsewhere (IEEE 754)
  nan_all_ones,    ///< no infinity; NaN where exponent and mantissa are all ones (OCP e4m3), "fn"
  none,            ///< every code is a number, "f"
  nan_neg_zero,    ///< no infinity; one NaN at the negative-zero code, no negative zero, "fnuz"
  p3109_signed,    ///< IEEE P3109 extended: as nan_neg_zero, and infinity at magnitude all ones
  p3109_unsigned,  ///< IEEE P3109 extended: NaN at all ones, infinity just below
};

/// A binary floating-point format as data. Comparable; valid if made by `make_format` or
/// `parse_format` (formats.hpp). A value is sign, exponent field e and mantissa field f:
///   e > 0 (or no subnormals): (-1)^s * 2^(e - bias) * (1 + f / 2^M)
///   e = 0:                    (-1)^s * 2^(1 - bias) * f / 2^M
struct Format {
  int exponent_bits = 0;  ///< E, 1..8
  int mantissa_bits = 0;  ///< M, 0..23
  int bias = 0;
  NonFinite non_finite = NonFinite::ieee;
  bool is_signed = true;
  bool has_zero = true;  ///< false: code 0 is a number like any other (e8m0fnu)
  bool has_subnormals =
      true;  ///< false: exponent field 0 is an ordinary exponent (DLFloat16, e8m0fnu)

  friend bool operator==(const Format&, const Format&) = default;

  /// Width of a code in bits.
  [[nodiscard]] constexpr int bits() const {
    return exponent_bits + mantissa_bits + (is_signed ? 1 : 0);
  }
  /// Width of a magnitude (exponent and mantissa) in bits.
  [[nodiscard]] constexpr int magnitude_bits() const { return exponent_bits + mantissa_bits; }
  [[nodiscard]] constexpr Code magnitude_mask() const { return (Code{1} << magnitude_bits()) - 1; }
  /// The sign bit in place; 0 for unsigned formats.
  [[nodiscard]] constexpr Code sign_mask() const {
    return is_signed ? Code{1} << magnitude_bits() : 0;
  }
  /// Number of codes, 2^bits (64-bit: 32-bit formats have 2^32).
  [[nodiscard]] constexpr std::uint64_t code_count() const { return std::uint64_t{1} << bits(); }

  [[nodiscard]] constexpr bool has_infinity() const {
    return non_finite == NonFinite::ieee || non_finite == NonFinite::p3109_signed ||
           non_finite == NonFinite::p3109_unsigned;
  }
  [[nodiscard]] constexpr bool has_nan() const {
    return non_finite == NonFinite::ieee ? mantissa_bits > 0 : non_finite != NonFinite::none;
  }
  [[nodiscard]] constexpr bool has_negative_zero() const {
    return is_signed && has_zero && !has_nan_at_negative_zero();
  }
  [[nodiscard]] constexpr bool has_nan_at_negative_zero() const {
    return non_finite == NonFinite::nan_neg_zero || non_finite == NonFinite::p3109_signed;
  }
  /// Magnitude code of the largest finite value.
  [[nodiscard]] constexpr Code max_finite_magnitude() const {
    switch (non_finite) {
      case NonFinite::ieee:
        return (magnitude_mask() >> mantissa_bits << mantissa_bits) - 1;
      case NonFinite::nan_all_ones:
      case NonFinite::p3109_signed:
        return magnitude_mask() - 1;
      case NonFinite::p3109_unsigned:
        return magnitude_mask() - 2;
      case NonFinite::none:
      case NonFinite::nan_neg_zero:
        break;
    }
    return magnitude_mask();
  }
  /// Magnitude code of infinity; only with has_infinity().
  [[nodiscard]] constexpr Code infinity_magnitude() const { return max_finite_magnitude() + 1; }
  /// The NaN that encoding produces (quiet: top mantissa bit set; positive); only with has_nan().
  [[nodiscard]] constexpr Code nan_code() const {
    switch (non_finite) {
      case NonFinite::ieee:
        return infinity_magnitude() | (Code{1} << (mantissa_bits - 1));
      case NonFinite::nan_neg_zero:
      case NonFinite::p3109_signed:
        return sign_mask();
      case NonFinite::nan_all_ones:
      case NonFinite::p3109_unsigned:
      case NonFinite::none:
        break;
    }
    return magnitude_mask();
  }
  /// Smallest normal exponent: values below 2^min_exponent() are subnormal (or round to zero).
  [[nodiscard]] constexpr int min_exponent() const { return has_subnormals ? 1 - bias : -bias; }
};

}  // namespace gradpath
