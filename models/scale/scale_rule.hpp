#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "models/format/format.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// How the shared power of two X of an MX block follows from the block's largest magnitude amax.
/// With amax = s 2^k (1 <= s < 2) and the element format's largest finite t 2^emax (1 <= t < 2), X
/// is 2^(k - emax), or twice that if
enum class ScaleRule : std::uint8_t {
  floor,  ///< never: OCP MX v1.0, 6.3. Elements above t 2^k saturate
  round,  ///< s > sqrt(2): log2(amax) to the nearest integer
  ceil,   ///< s > 1: log2(amax) upward
  even,   ///< s rounds to 2 at the element's mantissa width, ties up (torchao, Quark: "even")
  fit,    ///< s > t: the smallest X with amax / X <= the largest finite (torchao: "rceil")
  mse,    ///< of all X up to `fit`'s, that of the least squared error
};

/// UserError names the rules.
[[nodiscard]] ScaleRule parse_scale_rule(std::string_view text);
[[nodiscard]] std::string_view scale_rule_name(ScaleRule rule);
[[nodiscard]] const Grammar& scale_rule_grammar();

/// The rules that look at amax alone, as integer arithmetic on its bits.
class SharedExponent {
 public:
  static constexpr int kBias = 127;  ///< of E8M0: code c is X = 2^(c - 127)
  static constexpr std::uint8_t kMaxCode = 254;
  static constexpr std::uint8_t kOne = 127;  ///< X = 1

  /// For `mse`, the first candidate: that of `fit`.
  SharedExponent(const Format& element, ScaleRule rule);

  /// The E8M0 code of X, kept in 0..254. amax_bits: fp32 bits of a finite magnitude; X is 1 for 0.
  [[nodiscard]] std::uint8_t code(std::uint32_t amax_bits) const {
    if (amax_bits < kMinNormalBits) return code_of_subnormal(amax_bits);
    const auto field = static_cast<int>((amax_bits + carry()) >> kFractionBits);
    return static_cast<std::uint8_t>(std::clamp(field - emax_, 0, int{kMaxCode}));
  }

  /// Exponent of the element's largest finite.
  [[nodiscard]] int emax() const { return emax_; }
  /// What is added to a normal amax's bits before its exponent is taken: X doubles where that
  /// carries out of the fraction.
  [[nodiscard]] std::uint32_t carry() const { return kFractionMask - limit_; }

 private:
  static constexpr int kFractionBits = 23;
  static constexpr std::uint32_t kFractionMask = 0x007fffffu;
  static constexpr std::uint32_t kMinNormalBits = 0x00800000u;

  [[nodiscard]] std::uint8_t code_of_subnormal(std::uint32_t amax_bits) const;

  int emax_;
  std::uint32_t limit_;  ///< X doubles where amax's 23 fraction bits are above
};

}  // namespace gradpath
