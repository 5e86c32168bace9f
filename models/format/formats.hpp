#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/format.hpp"

namespace gradpath {

/// A row of the table of standard formats.
struct NamedFormat {
  std::string_view name;
  Format format;
  std::string_view source;  ///< the standard or paper that defines it
};

/// The formats that have a name of their own. One more format is one more row of formats.cpp.
[[nodiscard]] std::span<const NamedFormat> named_formats();
[[nodiscard]] std::vector<std::string_view> format_names();

/// A valid format, or UserError: E in 1..8, M in 0..23, 0 <= bias <= 255, at least one positive
/// finite value.
[[nodiscard]] Format make_format(int exponent_bits, int mantissa_bits, int bias,
                                 NonFinite non_finite);

/// Reads a name: a row of the table (`e4m3fn`, `bf16`), or `e{E}m{M}` + optional bias `b{B}` +
/// optional ending `fn`, `f` or `fnuz` (default bias 2^(E-1)-1, for `fnuz` 2^(E-1)), or a name of
/// IEEE P3109: `binary{K}p{P}{s|u}{e|f}`, K bits, precision P, signed or not, extended or finite.
/// UserError names the nearest known name.
[[nodiscard]] Format parse_format(std::string_view name);

/// Reads a comma-separated list; ranges in braces expand: `e5m2,e{2..6}m{0..5}f`.
/// Returns the names, each of which parse_format accepts, in the order written, without repeats.
[[nodiscard]] std::vector<std::string> parse_format_list(std::string_view list);

/// The shortest name that parse_format reads back as `format`: its table name if it has one.
[[nodiscard]] std::string format_name(const Format& format);

}  // namespace gradpath
