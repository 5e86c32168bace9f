#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gradpath {

/// A sum of doubles without any rounding: a fixed-point number wide enough for every product of two
/// formats (Kulisch, Computer Arithmetic and Validity, 2013), as digits of 32 bits with room to
/// delay carries. Infinities and NaNs are summed beside it by the rules of IEEE 754.
class ExactSum {
 public:
  /// x: zero, not finite, or 2^-600 <= |x| < 2^513; else std::out_of_range.
  void add(double x);

  /// The sum rounded to odd at 53 bits: rounding it again to at most 51 bits, in any mode, equals
  /// one rounding of the sum (Boldo and Melquiond 2008). +0 for an exact zero. Infinity or NaN
  /// where they were added.
  [[nodiscard]] double rounded_to_odd() const;

 private:
  static constexpr int kDigitBits = 32;
  static constexpr std::size_t kDigits = 42;
  static constexpr int kLowestField = 1023 - 600;  // a double's exponent field at 2^-600

  using Digits = std::array<std::int64_t, kDigits>;
  static void carry(Digits& digits);

  Digits digits_ = {};
  std::uint32_t additions_ = 0;  ///< since the last carry
  double not_finite_ = 0;
};

}  // namespace gradpath
