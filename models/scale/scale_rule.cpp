#include "models/scale/scale_rule.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "models/format/codec.hpp"
#include "models/format/fp32.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kSqrt2Fraction = 0x003504f3u;  // of the fp32 number just below sqrt(2)

// With amax = s 2^k, the element's largest finite t 2^emax.
constexpr std::array<Choice<ScaleRule>, 6> kRules = {{
    {{"floor", "2^(k - emax): elements above t 2^k saturate", {}, "OCP MX v1.0, 6.3"},
     ScaleRule::floor},
    {{"round", "log2(amax) to the nearest integer"}, ScaleRule::round},
    {{"ceil", "log2(amax) upward"}, ScaleRule::ceil},
    {{"even", "s rounded at the element's mantissa width, ties up", {}, "torchao, Quark"},
     ScaleRule::even},
    {{"fit", "the smallest under which nothing saturates", {}, "torchao: rceil"}, ScaleRule::fit},
    {{"mse", "of all up to fit's, that of the least squared error"}, ScaleRule::mse},
}};

const Table<Choice<ScaleRule>>& rules() {
  static const Table<Choice<ScaleRule>> table("scale rule", kRules);
  return table;
}

std::uint32_t fraction_limit(const Format& element, ScaleRule rule) {
  switch (rule) {
    case ScaleRule::floor:
      return fp32::kFraction;
    case ScaleRule::round:
      return kSqrt2Fraction;
    case ScaleRule::ceil:
      return 0;
    case ScaleRule::even: {
      // The carry of adding half an element's last place.
      const int shift = fp32::kFractionBits - 1 - element.mantissa_bits;
      return shift < 0 ? fp32::kFraction : fp32::kFraction - (1u << shift);
    }
    case ScaleRule::fit:
    case ScaleRule::mse: {
      const double largest = max_finite(element);
      const auto significand = static_cast<float>(std::scalbn(largest, -std::ilogb(largest)));
      return std::bit_cast<std::uint32_t>(significand) & fp32::kFraction;
    }
  }
  return fp32::kFraction;
}

}  // namespace

ScaleRule parse_scale_rule(std::string_view text) { return rules().parse(text).row.value; }
std::string_view scale_rule_name(ScaleRule rule) { return name_of(rules(), rule); }
const Grammar& scale_rule_grammar() { return rules(); }

SharedExponent::SharedExponent(const Format& element, ScaleRule rule)
    : emax_(std::ilogb(max_finite(element))), limit_(fraction_limit(element, rule)) {}

std::uint8_t SharedExponent::code_of_subnormal(std::uint32_t amax_bits) const {
  if (amax_bits == 0) return kOne;
  const fp32::Parts parts = fp32::split_normalised(amax_bits);
  const int field = parts.exponent + ((parts.significand & fp32::kFraction) > limit_ ? 1 : 0);
  return static_cast<std::uint8_t>(std::clamp(field - emax_, 0, int{kMaxCode}));
}

}  // namespace gradpath
