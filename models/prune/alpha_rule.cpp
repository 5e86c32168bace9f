#include "models/prune/alpha_rule.hpp"

#include <charconv>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::string_view kHistogram = "histogram:";
constexpr std::string_view kSample = "sample:";

// The digits after the prefix, if they are an integer in the range and nothing else.
bool read_parameter(std::string_view text, std::string_view prefix, std::uint32_t least,
                    std::uint32_t most, std::uint32_t& parameter) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, parameter);
  return failure == std::errc() && stop == end && parameter >= least && parameter <= most;
}

}  // namespace

AlphaRule parse_alpha_rule(std::string_view text) {
  constexpr std::uint32_t kLargestSample = std::uint32_t{1} << 30;
  for (const AlphaRule& rule : {AlphaRule::exact, AlphaRule::lognormal, AlphaRule::last_step}) {
    if (alpha_rule_name(rule) == text) return rule;
  }
  std::uint32_t parameter = 0;
  if (read_parameter(text, kHistogram, 0, 2, parameter)) {
    return {AlphaRule::Kind::histogram, parameter};
  }
  if (read_parameter(text, kSample, 1, kLargestSample, parameter)) {
    return {AlphaRule::Kind::sample, parameter};
  }
  throw UserError(fmt::format("unknown threshold '{}'; expected one of: {} (N from 1 to {})", text,
                              kAlphaRules, kLargestSample));
}

std::string alpha_rule_name(const AlphaRule& rule) {
  switch (rule.kind) {
    case AlphaRule::Kind::exact:
      return "exact";
    case AlphaRule::Kind::lognormal:
      return "lognormal";
    case AlphaRule::Kind::histogram:
      return fmt::format("{}{}", kHistogram, rule.parameter);
    case AlphaRule::Kind::sample:
      return fmt::format("{}{}", kSample, rule.parameter);
    case AlphaRule::Kind::last_step:
      break;
  }
  return "last-step";
}

}  // namespace gradpath
