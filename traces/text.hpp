#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gradpath {

/// The text as it may stand in one line of a message or a table for people: control characters
/// (of Unicode too) and bytes that are not UTF-8 as `\x0a`, all else as it is.
[[nodiscard]] std::string one_line(std::string_view text);

/// A name from a file in quotes, as one_line() and shortened if long, so that an error message
/// stays one readable line.
[[nodiscard]] std::string quote(std::string_view text);

/// `[64, 3, 7, 7]`.
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace gradpath
