#include "models/scale/scale_rule.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"

namespace gradpath {
namespace {

constexpr int kFractionBits = 23;
constexpr std::uint32_t kFractionMask = 0x007fffffu;
constexpr std::uint32_t kSqrt2Fraction = 0x003504f3u;  // of the fp32 number just below sqrt(2)

constexpr std::array<std::pair<std::string_view, ScaleRule>, 6> kRules = {{
    {"floor", ScaleRule::floor},
    {"round", ScaleRule::round},
    {"ceil", ScaleRule::ceil},
    {"even", ScaleRule::even},
    {"fit", ScaleRule::fit},
    {"mse", ScaleRule::mse},
}};

std::uint32_t fraction_limit(const Format& element, ScaleRule rule) {
  switch (rule) {
    case ScaleRule::floor:
      break;
    case ScaleRule::round:
      return kSqrt2Fraction;
    case ScaleRule::ceil:
      return 0;
    case ScaleRule::even: {
      // The carry of adding half an element's last place.
      const int shift = kFractionBits - 1 - element.mantissa_bits;
      return shift < 0 ? kFractionMask : kFractionMask - (1u << shift);
    }
    case ScaleRule::fit:
    case ScaleRule::mse: {
      const double largest = max_finite(element);
      const auto significand = static_cast<float>(std::scalbn(largest, -std::ilogb(largest)));
      return std::bit_cast<std::uint32_t>(significand) & kFractionMask;
    }
  }
  return kFractionMask;
}

}  // namespace

ScaleRule parse_scale_rule(std::string_view text) {
  for (const auto& [name, rule] : kRules) {
    if (text == name) return rule;
  }
  throw UserError(fmt::format(
      "scale rule '{}' is not known; expected floor, round, ceil, even, fit or mse", text));
}

std::string_view scale_rule_name(ScaleRule rule) {
  return std::ranges::find(kRules, rule, [](const auto& row) { return row.second; })->first;
}

SharedExponent::SharedExponent(const Format& element, ScaleRule rule)
    : emax_(std::ilogb(max_finite(element))), limit_(fraction_limit(element, rule)) {}

std::uint8_t SharedExponent::code_of_subnormal(std::uint32_t amax_bits) const {
  if (amax_bits == 0) return kOne;
  const int up = std::countl_zero(amax_bits) - 8;
  const std::uint32_t fraction = (amax_bits << up) & kFractionMask;
  const int field = 1 - up + (fraction > limit_ ? 1 : 0);
  return static_cast<std::uint8_t>(std::clamp(field - emax_, 0, int{kMaxCode}));
}

}  // namespace gradpath
