#include "models/round/rounding.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::array<std::pair<std::string_view, Rounding::Mode>, 8> kModes = {{
    {"rne", Rounding::Mode::rne},
    {"rna", Rounding::Mode::rna},
    {"rtz", Rounding::Mode::rtz},
    {"rup", Rounding::Mode::rup},
    {"rdn", Rounding::Mode::rdn},
    {"rto", Rounding::Mode::rto},
    {"sr", Rounding::Mode::sr},
    {"sru", Rounding::Mode::sru},
}};

constexpr int kMaxRandomBits = 32;

}  // namespace

Rounding parse_rounding(std::string_view text) {
  const auto colon = text.find(':');
  const auto head = text.substr(0, colon);
  for (const auto& [name, mode] : kModes) {
    if (head != name) continue;
    Rounding rounding{.mode = mode};
    if (colon == std::string_view::npos) return rounding;
    const auto digits = text.substr(colon + 1);
    const auto* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, rounding.random_bits);
    if (rounding.is_stochastic() && failure == std::errc() && stop == end &&
        rounding.random_bits >= 1 && rounding.random_bits <= kMaxRandomBits) {
      return rounding;
    }
    break;
  }
  throw UserError(fmt::format(
      "rounding '{}' is not known; expected rne, rna, rtz, rup, rdn, rto, sr[:R] or sru[:R] with R "
      "from 1 to 32 random bits",
      text));
}

std::string rounding_name(const Rounding& rounding) {
  for (const auto& [name, mode] : kModes) {
    if (mode != rounding.mode) continue;
    return rounding.is_stochastic() ? fmt::format("{}:{}", name, rounding.random_bits)
                                    : std::string(name);
  }
  return "?";
}

Overflow parse_overflow(std::string_view text) {
  if (text == "standard") return Overflow::standard;
  if (text == "saturate") return Overflow::saturate;
  throw UserError(fmt::format("overflow '{}' is not known; expected standard or saturate", text));
}

std::string_view overflow_name(Overflow overflow) {
  return overflow == Overflow::standard ? "standard" : "saturate";
}

Flush parse_flush(std::string_view text) {
  for (const Flush flush : {Flush::none, Flush::input, Flush::output, Flush::both}) {
    if (text == flush_name(flush)) return flush;
  }
  throw UserError(
      fmt::format("flush '{}' is not known; expected none, input, output or both", text));
}

std::string_view flush_name(Flush flush) {
  switch (flush) {
    case Flush::none:
      return "none";
    case Flush::input:
      return "input";
    case Flush::output:
      return "output";
    case Flush::both:
      break;
  }
  return "both";
}

NanPolicy parse_nan_policy(std::string_view text) {
  if (text == "error") return NanPolicy::error;
  if (text == "zero") return NanPolicy::zero;
  if (text == "max") return NanPolicy::max;
  throw UserError(fmt::format("NaN policy '{}' is not known; expected error, zero or max", text));
}

}  // namespace gradpath
