#include "models/format/formats.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"

namespace gradpath {
namespace {

constexpr NonFinite kIeee = NonFinite::ieee;
constexpr NonFinite kFn = NonFinite::nan_all_ones;
constexpr NonFinite kF = NonFinite::none;
constexpr NonFinite kFnuz = NonFinite::nan_neg_zero;

// One format a row: name, {E, M, bias, non-finite codes, sign, zero, subnormals}, source.
constexpr std::array kNamed = {
    NamedFormat{"fp32", {8, 23, 127, kIeee}, "IEEE 754-2019 binary32"},
    NamedFormat{"tf32", {8, 10, 127, kIeee}, "NVIDIA A100 whitepaper (2020)"},
    NamedFormat{"fp16", {5, 10, 15, kIeee}, "IEEE 754-2019 binary16"},
    NamedFormat{"bf16", {8, 7, 127, kIeee}, "Google bfloat16 (2018)"},
    NamedFormat{
        "dlfloat16", {6, 9, 31, kFn, true, true, false}, "Agrawal et al., DLFloat, ARITH 2019"},
    NamedFormat{"e5m2", {5, 2, 15, kIeee}, "OCP OFP8 v1.0"},
    NamedFormat{"e4m3", {4, 3, 7, kIeee}, "IEEE 754 rules at 1-4-3"},
    NamedFormat{"e4m3fn", {4, 3, 7, kFn}, "OCP OFP8 v1.0"},
    NamedFormat{"e3m4", {3, 4, 3, kIeee}, "IEEE 754 rules at 1-3-4"},
    NamedFormat{"e5m2fnuz", {5, 2, 16, kFnuz}, "arXiv 2206.02915"},
    NamedFormat{"e4m3fnuz", {4, 3, 8, kFnuz}, "arXiv 2206.02915"},
    NamedFormat{"e4m3b11fnuz", {4, 3, 11, kFnuz}, "HFP8 (Sun et al. 2019) forward, as in XLA"},
    NamedFormat{"e8m0fnu", {8, 0, 127, kFn, false, false, false}, "OCP MX v1.0 scale"},
    NamedFormat{"e3m2fn", {3, 2, 3, kF}, "OCP MX v1.0 FP6"},
    NamedFormat{"e2m3fn", {2, 3, 1, kF}, "OCP MX v1.0 FP6"},
    NamedFormat{"e2m1fn", {2, 1, 1, kF}, "OCP MX v1.0 FP4"},
};

struct Ending {
  std::string_view text;
  NonFinite non_finite;
};
constexpr std::array<Ending, 4> kEndings = {{{"", kIeee}, {"fn", kFn}, {"f", kF}, {"fnuz", kFnuz}}};

constexpr int kMaxBias = 255;

int default_bias(int exponent_bits, NonFinite non_finite) {
  const int half = 1 << (exponent_bits - 1);
  return non_finite == kFnuz ? half : half - 1;
}

// Takes `letter` and the digits after it from the front of `text`.
std::optional<int> take_number(std::string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return std::nullopt;
  int number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data() + 1, end, number);
  if (failure != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return number;
}

// A name of the e{E}m{M}[b{B}][ending] grammar; nothing if `name` is not of that form.
std::optional<Format> parse_systematic(std::string_view name) {
  auto rest = name;
  const auto exponent_bits = take_number(rest, 'e');
  if (!exponent_bits) return std::nullopt;
  const auto mantissa_bits = take_number(rest, 'm');
  if (!mantissa_bits) return std::nullopt;
  const auto bias = take_number(rest, 'b');
  const auto ending = std::ranges::find(kEndings, rest, &Ending::text);
  if (ending == kEndings.end()) return std::nullopt;
  if (*exponent_bits < 1 || *exponent_bits > 8) {
    throw UserError(
        fmt::format("format '{}': {} exponent bits; expected 1 to 8", name, *exponent_bits));
  }
  return make_format(*exponent_bits, *mantissa_bits,
                     bias.value_or(default_bias(*exponent_bits, ending->non_finite)),
                     ending->non_finite);
}

// A name of IEEE P3109, binary{K}p{P}{s|u}{e|f}: K bits, precision P with the implicit bit, signed
// or unsigned, with infinities (extended) or without (finite).
std::optional<Format> parse_p3109(std::string_view name) {
  constexpr std::string_view kPrefix = "binary";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  auto rest = name.substr(kPrefix.size() - 1);
  const auto bits = take_number(rest, 'y');
  const auto precision = take_number(rest, 'p');
  if (!bits || !precision || rest.size() != 2) return std::nullopt;
  const bool is_signed = rest[0] == 's';
  const bool extended = rest[1] == 'e';
  if ((!is_signed && rest[0] != 'u') || (!extended && rest[1] != 'f')) return std::nullopt;
  const int exponent_bits = *bits - *precision + (is_signed ? 0 : 1);
  if (*bits < 3 || *bits > 16 || *precision < 1 || exponent_bits < 1 || exponent_bits > 8) {
    throw UserError(
        fmt::format("format '{}': expected 3 to 16 bits and a precision that leaves 1 to 8 "
                    "exponent bits, such as binary8p3se",
                    name));
  }
  NonFinite non_finite = is_signed ? kFnuz : kFn;
  if (extended) non_finite = is_signed ? NonFinite::p3109_signed : NonFinite::p3109_unsigned;
  return Format{exponent_bits, *precision - 1, 1 << (exponent_bits - 1), non_finite, is_signed};
}

// Splits at commas that are not inside braces.
std::vector<std::string_view> split_list(std::string_view list) {
  std::vector<std::string_view> items;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || (list[i] == ',' && depth == 0)) {
      items.push_back(list.substr(begin, i - begin));
      begin = i + 1;
    } else if (list[i] == '{') {
      ++depth;
    } else if (list[i] == '}') {
      --depth;
    }
  }
  return items;
}

// A list grows with the product of its ranges; all ExMy with 8 endings and biases each are fewer.
constexpr std::size_t kMostNames = 10'000;
constexpr std::ptrdiff_t kMostBraces = 16;  // of an item

// Expands the first brace group of `item` ("{2..6}" or "{2,4,5}"), then the rest by recursion.
void expand_braces(std::string_view item, std::vector<std::string>& names) {
  const auto open = item.find('{');
  if (open == std::string_view::npos) {
    if (names.size() == kMostNames) {
      throw UserError(
          fmt::format("format list: more than {} formats, the last is '{}'; narrow its ranges",
                      kMostNames, item));
    }
    names.emplace_back(item);
    return;
  }
  const auto complain = [&] {
    throw UserError(
        fmt::format("format list item '{}': expected a range such as e{{2..6}}m{{0..5}}f", item));
  };
  const auto close = item.find('}', open);
  if (close == std::string_view::npos) complain();
  const auto body = item.substr(open + 1, close - open - 1);
  const auto continue_with = [&](std::string_view choice) {
    std::string text(item.substr(0, open));
    text.append(choice).append(item.substr(close + 1));
    expand_braces(text, names);
  };
  const auto dots = body.find("..");
  if (dots == std::string_view::npos) {
    for (const auto choice : split_list(body)) continue_with(choice);
    return;
  }
  int first = 0;
  int last = 0;
  const auto* middle = body.data() + dots;
  const auto* end = body.data() + body.size();
  const auto from = std::from_chars(body.data(), middle, first);
  const auto to = std::from_chars(middle + 2, end, last);
  if (from.ec != std::errc() || from.ptr != middle || to.ec != std::errc() || to.ptr != end ||
      first > last || last - first > kMaxBias) {
    complain();
  }
  for (int number = first; number <= last; ++number) continue_with(std::to_string(number));
}

}  // namespace

std::span<const NamedFormat> named_formats() { return kNamed; }

std::vector<std::string_view> format_names() {
  std::vector<std::string_view> names;
  for (const NamedFormat& row : kNamed) names.push_back(row.name);
  return names;
}

Format make_format(int exponent_bits, int mantissa_bits, int bias, NonFinite non_finite) {
  const auto check = [](const char* what, int found, int low, int high) {
    if (found >= low && found <= high) return;
    throw UserError(fmt::format("format: {} is {}; expected {} to {}", what, found, low, high));
  };
  check("number of exponent bits", exponent_bits, 1, 8);
  check("number of mantissa bits", mantissa_bits, 0, 23);
  check("bias", bias, 0, kMaxBias);
  const Format format{exponent_bits, mantissa_bits, bias, non_finite};
  if (format.max_finite_magnitude() == 0) {
    throw UserError(
        "format e1m0 of this ending has no positive finite value; expected e1m0f, "
        "e1m0fnuz or more bits");
  }
  return format;
}

Format parse_format(std::string_view name) {
  const auto row = std::ranges::find(kNamed, name, &NamedFormat::name);
  if (row != kNamed.end()) return row->format;
  if (const auto format = parse_systematic(name)) return *format;
  if (const auto format = parse_p3109(name)) return *format;
  throw UserError(
      fmt::format("format '{}' is not known; nearest is '{}'; expected a name listed by "
                  "`gradpath formats`, e{{E}}m{{M}}[b{{BIAS}}][fn|f|fnuz] or P3109's "
                  "binary{{K}}p{{P}}{{s|u}}{{e|f}}",
                  name, nearest(name, format_names())));
}

std::vector<std::string> parse_format_list(std::string_view list) {
  std::vector<std::string> names;
  for (const auto item : split_list(list)) {
    if (std::ranges::count(item, '{') > kMostBraces) {
      throw UserError(
          fmt::format("format list item '{}...': more than {} ranges in braces; write "
                      "it as several items",
                      item.substr(0, 40), kMostBraces));
    }
    expand_braces(item, names);
  }
  std::vector<std::string> unique;
  for (auto& name : names) {
    static_cast<void>(parse_format(name));
    if (std::ranges::find(unique, name) == unique.end()) unique.push_back(std::move(name));
  }
  return unique;
}

std::string format_name(const Format& format) {
  const auto row = std::ranges::find(kNamed, format, &NamedFormat::format);
  if (row != kNamed.end()) return std::string(row->name);
  if (!format.is_signed || format.non_finite == NonFinite::p3109_signed) {
    return fmt::format("binary{}p{}{}{}", format.bits(), format.mantissa_bits + 1,
                       format.is_signed ? 's' : 'u', format.has_infinity() ? 'e' : 'f');
  }
  const bool has_default_bias =
      format.bias == default_bias(format.exponent_bits, format.non_finite);
  return fmt::format("e{}m{}{}{}", format.exponent_bits, format.mantissa_bits,
                     has_default_bias ? "" : fmt::format("b{}", format.bias),
                     std::ranges::find(kEndings, format.non_finite, &Ending::non_finite)->text);
}

}  // namespace gradpath
