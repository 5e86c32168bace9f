#include "models/scale/scaling.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace gradpath {
namespace {

using Kind = ScalePolicy::Kind;

template <Kind kind>
Scaling of_tensor(const Parameters& /*parameters*/) {
  return ScalePolicy{.kind = kind};
}

constexpr std::int64_t kMaxBlock = std::int64_t{1} << 40;
constexpr Parameter block(std::string_view fallback) {
  return Parameter::integer("BLOCK", "block size", 1, kMaxBlock).optional(fallback);
}

struct Row : Form {
  Scaling (*make)(const Parameters& parameters);
};
constexpr std::size_t kOfTensor = 4;  // rows that parse_scale knows
constexpr std::array<Row, 10> kRows = {{
    {{"none", "1"}, of_tensor<Kind::none>},
    {{"amax", "the largest finite over the tensor's largest magnitude"}, of_tensor<Kind::amax>},
    {{"amax-po2", "the largest power of two under which it does not overflow"},
     of_tensor<Kind::amax_po2>},
    {{"expected-max", "amax-po2 of the lognormal fit's expected maximum", {}, "arXiv 2006.08173"},
     of_tensor<Kind::expected_max>},
    {{"mean-log", "the power of two that takes the mean of log2|x| to 0"},
     [](const Parameters&) -> Scaling { return MeanLogScaling{}; }},
    {{"mx",
      "a power of two for every block along an axis",
      {block("32"),
       Parameter::of(Parameter::Kind::text, "RULE", "how it follows from amax", scale_rule_grammar)
           .optional("floor")},
      "OCP MX v1.0"},
     [](const Parameters& p) -> Scaling {
       return BlockScaling{.block = static_cast<std::uint64_t>(p.integer(0)),
                           .rule = parse_scale_rule(p.text(1))};
     }},
    {{"nvfp4",
      "an e4m3 scale for every block and one of the tensor",
      {block("16")},
      "arXiv 2509.25149"},
     [](const Parameters& p) -> Scaling {
       return BlockScaling{.kind = BlockScaling::Kind::nvfp4,
                           .block = static_cast<std::uint64_t>(p.integer(0))};
     }},
    {{"delayed",
      "amax of a layer's earlier steps",
      {Parameter::integer("H", "steps looked back", 1, 1 << 20).optional("16"),
       Parameter::integer("MARGIN", "binades of head room", 0, 64).optional("0")},
      "Transformer Engine"},
     [](const Parameters& p) -> Scaling {
       return DelayedScaling{.history = static_cast<unsigned>(p.integer(0)),
                             .margin = static_cast<int>(p.integer(1))};
     }},
    {{"s2fp8", "no scale: a shift and squeeze of log2|x|", {}, "arXiv 2001.05674"},
     [](const Parameters&) -> Scaling { return ShiftSqueezeScaling{}; }},
    {{"loss-scaling",
      "a power of two for a step, halved where the step overflows",
      {Parameter::of(Parameter::Kind::power_of_two, "START", "the first").optional("32768"),
       Parameter::integer("INTERVAL", "finite steps until it doubles", 1, 1 << 30)
           .optional("2000")},
      "arXiv 1710.03740"},
     [](const Parameters& p) -> Scaling {
       return LossScaling{.start = static_cast<float>(p.real(0)),
                          .interval = static_cast<unsigned>(p.integer(1))};
     }},
}};

constexpr std::string_view kNumber = "a positive number";

const Table<Row>& of_tensor_scalings() {
  static const Table<Row> table("scale", std::span(kRows).first(kOfTensor), kNumber);
  return table;
}
const Table<Row>& all_scalings() {
  static const Table<Row> table("scale", kRows, kNumber);
  return table;
}

Scaling parse(const Table<Row>& table, std::string_view text) {
  ScalePolicy fixed{.kind = Kind::fixed};
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, fixed.value);
  if (failure == std::errc() && stop == end && std::isnormal(fixed.value) && fixed.value > 0) {
    return fixed;
  }
  const auto [row, parameters] = table.parse(text);
  return row.make(parameters);
}

std::string name_of(const ScalePolicy& policy) { return scale_name(policy); }
std::string name_of(const MeanLogScaling& /*scaling*/) { return "mean-log"; }
std::string name_of(const DelayedScaling& scaling) {
  return fmt::format("delayed:{}:{}", scaling.history, scaling.margin);
}
std::string name_of(const LossScaling& scaling) {
  return fmt::format("loss-scaling:{}:{}", scaling.start, scaling.interval);
}
std::string name_of(const ShiftSqueezeScaling& /*scaling*/) { return "s2fp8"; }
std::string name_of(const BlockScaling& scaling) {
  if (scaling.kind == BlockScaling::Kind::nvfp4) return fmt::format("nvfp4:{}", scaling.block);
  return fmt::format("mx:{}:{}", scaling.block, scale_rule_name(scaling.rule));
}

}  // namespace

ScalePolicy parse_scale(std::string_view text) {
  return std::get<ScalePolicy>(parse(of_tensor_scalings(), text));
}
std::string scale_name(const ScalePolicy& policy) {
  for (const Row& row : of_tensor_scalings().rows()) {
    if (std::get<ScalePolicy>(row.make({})).kind == policy.kind) return std::string(row.name);
  }
  return fmt::format("{}", policy.value);
}
const Grammar& scale_grammar() { return of_tensor_scalings(); }

Scaling parse_scaling(std::string_view text) { return parse(all_scalings(), text); }
std::string scaling_name(const Scaling& scaling) {
  return std::visit([](const auto& one) { return name_of(one); }, scaling);
}
const Grammar& scaling_grammar() { return all_scalings(); }

}  // namespace gradpath
