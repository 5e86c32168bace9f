#include "models/mac/accumulator.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"

namespace gradpath {
namespace {

// The sums of a group, (4 K + 2) 2^F at most, are exact in double's 53 bits within these limits.
constexpr int kMaxGroup = 1 << 15;
constexpr int kMaxFractionBits = 35;
constexpr int kMaxOutBits = 23;
constexpr std::int64_t kMaxChunk = std::int64_t{1} << 40;

Format sum_format(std::string_view name) {
  const Format format = parse_format(name);
  if (format.is_signed && format.has_zero) return format;
  throw UserError(fmt::format("accumulator: format {} has no {}; expected one with sign and zero",
                              name, format.is_signed ? "zero" : "sign"));
}

Accumulator make_exact(const Parameters& p) {
  return {.kind = Accumulator::Kind::exact, .format = sum_format(p.text(0))};
}

Accumulator make_chunked(const Parameters& p) {
  return {.kind = Accumulator::Kind::chunked,
          .format = sum_format(p.text(2)),
          .inner = sum_format(p.text(1)),
          .chunk = p.integer(0)};
}

Accumulator make_fused(const Parameters& p) {
  const auto field = [&](std::size_t i) { return static_cast<int>(p.integer(i)); };
  return {.kind = Accumulator::Kind::fused,
          .format = {.exponent_bits = 8, .mantissa_bits = field(2), .bias = 127},
          .fused = {field(0), field(1), field(2)}};
}

constexpr Parameter format_parameter(std::string_view name, std::string_view meaning) {
  return Parameter::of(Parameter::Kind::text, name, meaning);
}

struct Row : Form {
  Accumulator (*make)(const Parameters& parameters);
};
constexpr std::array<Row, 3> kForms = {{
    {{"exact",
      "the exact sum, rounded once",
      {format_parameter("FORMAT", "of the result").optional("fp32")}},
     make_exact},
    {{"chunk",
      "sums of N products in INNER, added up in OUTER",
      {Parameter::integer("N", "the chunk's length", 1, kMaxChunk),
       format_parameter("INNER", "of a chunk's sum"), format_parameter("OUTER", "of the result")},
      "Wang et al. 2018, arXiv 1812.08011"},
     make_chunked},
    {{"fused",
      "K products and the sum aligned, truncated and added at once, as tensor cores do",
      {Parameter::integer("K", "the group's length", 1, kMaxGroup),
       Parameter::integer("F", "the number of fraction bits", 0, kMaxFractionBits),
       Parameter::integer("OUT", "the number of output bits", 0, kMaxOutBits)},
      "arXiv 2511.10909"},
     make_fused},
}};

// What machines have, each by the form it stands for. One more machine is one more row.
constexpr std::string_view kSource = "Xie et al., MMA-Sim, arXiv 2511.10909";
constexpr std::array<Form, 7> kNamed = {{
    {"volta-fp16", "fused:4:23:23", {}, kSource},
    {"turing-fp16", "fused:8:24:23", {}, kSource},
    {"ampere-fp16", "fused:8:24:23", {}, kSource},
    {"ada-fp8", "fused:16:13:13", {}, kSource},
    {"hopper-fp16", "fused:16:25:23", {}, kSource},
    {"hopper-fp8", "fused:32:13:13", {}, kSource},
    {"blackwell-fp8", "fused:32:25:23", {}, kSource},
}};

const Table<Row>& forms() {
  static const Table<Row> table("accumulator", kForms);
  return table;
}

bool is_format_name(std::string_view name) {
  try {
    static_cast<void>(parse_format(name));
    return true;
  } catch (const UserError&) {
    return false;
  }
}

}  // namespace

std::span<const Form> named_accumulators() { return kNamed; }

const Grammar& accumulator_grammar() {
  static const Grammar grammar =
      Grammar("accumulator", "a format's name, rounded to it after each addition")
          .add(std::span<const Row>(kForms))
          .add(named_accumulators());
  return grammar;
}

Accumulator parse_accumulator(std::string_view text) {
  const auto named = std::ranges::find(kNamed, text, &Form::name);
  if (named != kNamed.end()) return parse_accumulator(named->help);
  if (forms().find(text)) {
    const auto [row, parameters] = forms().parse(text);
    return row.make(parameters);
  }
  if (!is_format_name(text)) accumulator_grammar().refuse(text);
  return {.kind = Accumulator::Kind::rounded, .format = sum_format(text)};
}

std::string accumulator_name(const Accumulator& accumulator) {
  std::string format = format_name(accumulator.format);
  switch (accumulator.kind) {
    case Accumulator::Kind::rounded:
      return format;
    case Accumulator::Kind::chunked:
      return fmt::format("chunk:{}:{}:{}", accumulator.chunk, format_name(accumulator.inner),
                         format);
    case Accumulator::Kind::fused:
      return fmt::format("fused:{}:{}:{}", accumulator.fused.products,
                         accumulator.fused.fraction_bits, accumulator.fused.out_bits);
    case Accumulator::Kind::exact:
      break;
  }
  return "exact:" + format;
}

}  // namespace gradpath
