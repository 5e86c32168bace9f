#include "models/mac/exact_sum.hpp"

#include <bit>
#include <cmath>
#include <stdexcept>

namespace gradpath {
namespace {

constexpr int kFractionBits = 52;
constexpr std::uint64_t kFractionMask = (std::uint64_t{1} << kFractionBits) - 1;
constexpr int kFieldMask = 0x7ff;
constexpr int kDoubleBias = 1023;

// An addition changes a digit by less than 2^32: 2^30 of them stay far below 2^63.
constexpr std::uint32_t kAdditionsBeforeCarry = std::uint32_t{1} << 30;

}  // namespace

void ExactSum::add(double x) {
  if (x == 0) return;
  if (!std::isfinite(x)) {
    not_finite_ += x;
    return;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int place = static_cast<int>(bits >> kFractionBits & kFieldMask) - kLowestField;
  if (place < 0 || place > 600 + 512) throw std::out_of_range("ExactSum: addend out of range");
  const std::uint64_t significand = (bits & kFractionMask) | (kFractionMask + 1);
  const int shift = place % kDigitBits;
  const std::uint64_t low = significand << shift;
  const std::uint64_t high = shift == 0 ? 0 : significand >> (64 - shift);
  const std::int64_t sign = x < 0 ? -1 : 1;
  auto* digit = digits_.data() + place / kDigitBits;
  digit[0] += sign * static_cast<std::int64_t>(low & 0xffffffffu);
  digit[1] += sign * static_cast<std::int64_t>(low >> kDigitBits);
  digit[2] += sign * static_cast<std::int64_t>(high);
  if (++additions_ == kAdditionsBeforeCarry) {
    carry(digits_);
    additions_ = 0;
  }
}

// Every digit but the last into [0, 2^32); the last keeps the sign.
void ExactSum::carry(Digits& digits) {
  for (std::size_t i = 0; i + 1 < kDigits; ++i) {
    digits[i + 1] += digits[i] >> kDigitBits;
    digits[i] &= 0xffffffff;
  }
}

double ExactSum::rounded_to_odd() const {
  if (not_finite_ != 0) return not_finite_;  // also NaN
  Digits digits = digits_;
  carry(digits);
  const bool negative = digits.back() < 0;
  if (negative) {
    for (auto& digit : digits) digit = -digit;
    carry(digits);
  }
  std::size_t top = kDigits;
  while (top > 0 && digits[top - 1] == 0) --top;
  if (top == 0) return 0.0;
  const auto digit = [&](std::size_t below) {
    return below < top ? static_cast<std::uint64_t>(digits[top - 1 - below]) : 0;
  };
  // 64 bits from the leading one on, and whether anything is left below them.
  const int up = std::countl_zero(static_cast<std::uint32_t>(digit(0)));
  const std::uint64_t next = digit(2) << up;
  const std::uint64_t window = (digit(0) << kDigitBits | digit(1)) << up | next >> kDigitBits;
  bool sticky = (next & 0xffffffff) != 0;
  for (std::size_t below = 3; below < top; ++below) sticky = sticky || digit(below) != 0;
  constexpr int kDropped = 64 - (kFractionBits + 1);
  sticky = sticky || (window & ((std::uint64_t{1} << kDropped) - 1)) != 0;
  const std::uint64_t significand = window >> kDropped | (sticky ? 1 : 0);
  const int lowest_exponent = kLowestField - kDoubleBias - kFractionBits;
  const int exponent = kDigitBits * (static_cast<int>(top) - 2) - up + kDropped + lowest_exponent;
  const double value = std::ldexp(static_cast<double>(significand), exponent);
  return negative ? -value : value;
}

}  // namespace gradpath
