#include "models/prune/alpha_rule.hpp"

#include <array>

#include <fmt/format.h>

namespace gradpath {
namespace {

using Row = Choice<AlphaRule::Kind>;
constexpr std::array<Row, 5> kRules = {{
    {{"exact", "solved on the tensor itself"}, AlphaRule::Kind::exact},
    {{"lognormal", "in closed form from the lognormal fit's mu and sigma"},
     AlphaRule::Kind::lognormal},
    {{"histogram",
      "solved on counts a bucket, as the hardware does",
      {Parameter::integer("M", "mantissa bits of a bucket", 0, 2)}},
     AlphaRule::Kind::histogram},
    {{"sample",
      "solved exactly on N elements drawn at random",
      {Parameter::integer("N", "elements", 1, std::int64_t{1} << 30)}},
     AlphaRule::Kind::sample},
    {{"last-step", "the exact one of the same tensor a step before"}, AlphaRule::Kind::last_step},
}};

const Table<Row>& rules() {
  static const Table<Row> table("threshold", kRules);
  return table;
}

}  // namespace

AlphaRule parse_alpha_rule(std::string_view text) {
  const auto [row, parameters] = rules().parse(text);
  return {row.value,
          parameters.has(0) ? static_cast<std::uint32_t>(parameters.integer(0)) : std::uint32_t{0}};
}

std::string alpha_rule_name(const AlphaRule& rule) {
  const std::string name(name_of(rules(), rule.kind));
  const bool has_parameter =
      rule.kind == AlphaRule::Kind::histogram || rule.kind == AlphaRule::Kind::sample;
  return has_parameter ? fmt::format("{}:{}", name, rule.parameter) : name;
}

const Grammar& alpha_grammar() { return rules(); }

}  // namespace gradpath
