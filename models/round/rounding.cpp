#include "models/round/rounding.hpp"

#include <fmt/format.h>

namespace gradpath {
namespace {

constexpr std::size_t mode_count() {
  std::size_t count = 0;
  while (!rounding_row(static_cast<Rounding::Mode>(count)).name.empty()) ++count;
  return count;
}

using RoundingForm = Choice<Rounding::Mode>;
constexpr auto kRoundings = [] {
  std::array<RoundingForm, mode_count()> forms{};
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const Rounding rounding{static_cast<Rounding::Mode>(i)};
    const RoundingRow row = rounding_row(rounding.mode);
    forms[i] = {{row.name, row.help}, rounding.mode};
    if (rounding.is_stochastic()) {
      forms[i].parameters[0] = Parameter::integer("R", "random bits", 1, 32).optional("24");
    }
  }
  return forms;
}();

const Table<RoundingForm>& roundings() {
  static const Table<RoundingForm> table("rounding", kRoundings);
  return table;
}

constexpr std::array<Choice<Overflow>, 2> kOverflows = {{
    {{"standard", "infinity, else NaN, else the largest finite: what the format has"},
     Overflow::standard},
    {{"saturate", "the largest finite, also for an infinity"}, Overflow::saturate},
}};

constexpr std::array<Choice<Flush>, 4> kFlushes = {{
    {{"none", "subnormals stay"}, Flush::none},
    {{"input", "fp32's, after the scale, become zero"}, Flush::input},
    {{"output", "the format's become zero"}, Flush::output},
    {{"both", "both become zero"}, Flush::both},
}};

constexpr std::array<Choice<NanPolicy>, 3> kNanPolicies = {{
    {{"error", "is an error that names the element"}, NanPolicy::error},
    {{"zero", "becomes zero"}, NanPolicy::zero},
    {{"max", "becomes the largest finite, with the NaN's sign"}, NanPolicy::max},
}};

const Table<Choice<Overflow>>& overflows() {
  static const Table<Choice<Overflow>> table("overflow", kOverflows);
  return table;
}
const Table<Choice<Flush>>& flushes() {
  static const Table<Choice<Flush>> table("flush", kFlushes);
  return table;
}
const Table<Choice<NanPolicy>>& nan_policies() {
  static const Table<Choice<NanPolicy>> table("NaN policy", kNanPolicies);
  return table;
}

}  // namespace

Rounding parse_rounding(std::string_view text) {
  const auto [row, parameters] = roundings().parse(text);
  Rounding rounding{row.value};
  if (parameters.has(0)) rounding.random_bits = static_cast<int>(parameters.integer(0));
  return rounding;
}
std::string rounding_name(const Rounding& rounding) {
  const std::string name(rounding_row(rounding.mode).name);
  return rounding.is_stochastic() ? fmt::format("{}:{}", name, rounding.random_bits) : name;
}
const Grammar& rounding_grammar() { return roundings(); }

Overflow parse_overflow(std::string_view text) { return overflows().parse(text).row.value; }
std::string_view overflow_name(Overflow overflow) { return name_of(overflows(), overflow); }
const Grammar& overflow_grammar() { return overflows(); }

Flush parse_flush(std::string_view text) { return flushes().parse(text).row.value; }
std::string_view flush_name(Flush flush) { return name_of(flushes(), flush); }
const Grammar& flush_grammar() { return flushes(); }

NanPolicy parse_nan_policy(std::string_view text) { return nan_policies().parse(text).row.value; }
const Grammar& nan_policy_grammar() { return nan_policies(); }

}  // namespace gradpath
