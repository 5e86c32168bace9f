#include "models/mac/accumulator.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"

namespace gradpath {
namespace {

constexpr std::string_view kSource = "Xie et al., MMA-Sim, arXiv 2511.10909";

constexpr std::array kNamed = {
    NamedAccumulator{"volta-fp16", {4, 23, 23}, kSource},
    NamedAccumulator{"turing-fp16", {8, 24, 23}, kSource},
    NamedAccumulator{"ampere-fp16", {8, 24, 23}, kSource},
    NamedAccumulator{"ada-fp8", {16, 13, 13}, kSource},
    NamedAccumulator{"hopper-fp16", {16, 25, 23}, kSource},
    NamedAccumulator{"hopper-fp8", {32, 13, 13}, kSource},
    NamedAccumulator{"blackwell-fp8", {32, 25, 23}, kSource},
};

// The sums of a group, (4 K + 2) 2^F at most, are exact in double's 53 bits within these limits.
constexpr int kMaxGroup = 1 << 15;
constexpr int kMaxFractionBits = 35;
constexpr int kMaxOutBits = 23;
constexpr std::int64_t kMaxChunk = std::int64_t{1} << 40;

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

std::int64_t number(std::string_view accumulator, std::string_view what, std::string_view text,
                    std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure == std::errc() && stop == end && value >= least && value <= most) return value;
  throw UserError(fmt::format("accumulator '{}': {} is '{}'; expected {} to {}", accumulator, what,
                              text, least, most));
}

void check_parts(std::string_view text, const std::vector<std::string_view>& parts,
                 std::size_t least, std::size_t most, std::string_view grammar) {
  if (parts.size() >= least && parts.size() <= most) return;
  throw UserError(
      fmt::format("accumulator '{}': {} parts; expected {}", text, parts.size(), grammar));
}

Format sum_format(std::string_view accumulator, std::string_view name) {
  const Format format = parse_format(name);
  if (format.is_signed && format.has_zero) return format;
  throw UserError(
      fmt::format("accumulator '{}': format {} has no {}; expected one with sign and zero",
                  accumulator, name, format.is_signed ? "zero" : "sign"));
}

Accumulator fused_accumulator(const FusedGroup& fused) {
  return {.kind = Accumulator::Kind::fused,
          .format = {.exponent_bits = 8, .mantissa_bits = fused.out_bits, .bias = 127},
          .fused = fused};
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

std::span<const NamedAccumulator> named_accumulators() { return kNamed; }

Accumulator parse_accumulator(std::string_view text) {
  const auto row = std::ranges::find(kNamed, text, &NamedAccumulator::name);
  if (row != kNamed.end()) return fused_accumulator(row->fused);
  const auto parts = split(text);
  if (parts[0] == "exact") {
    check_parts(text, parts, 1, 2, "exact or exact:FORMAT");
    return {.kind = Accumulator::Kind::exact,
            .format = sum_format(text, parts.size() == 2 ? parts[1] : "fp32")};
  }
  if (parts[0] == "chunk") {
    check_parts(text, parts, 4, 4, "chunk:N:INNER:OUTER");
    return {.kind = Accumulator::Kind::chunked,
            .format = sum_format(text, parts[3]),
            .inner = sum_format(text, parts[2]),
            .chunk = number(text, "the chunk's length N", parts[1], 1, kMaxChunk)};
  }
  if (parts[0] == "fused") {
    check_parts(text, parts, 4, 4, "fused:K:F:OUT");
    const auto field = [&](std::string_view what, std::size_t part, int least, int most) {
      return static_cast<int>(number(text, what, parts[part], least, most));
    };
    return fused_accumulator(
        {.products = field("the group's length K", 1, 1, kMaxGroup),
         .fraction_bits = field("the number of fraction bits F", 2, 0, kMaxFractionBits),
         .out_bits = field("the number of output bits OUT", 3, 0, kMaxOutBits)});
  }
  if (!is_format_name(text)) {
    std::string names;
    for (const auto& named : kNamed) names.append(", ").append(named.name);
    throw UserError(
        fmt::format("accumulator '{}' is not known; expected a format's name, exact[:FORMAT], "
                    "chunk:N:INNER:OUTER, fused:K:F:OUT{}",
                    text, names));
  }
  return {.kind = Accumulator::Kind::rounded, .format = sum_format(text, text)};
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
