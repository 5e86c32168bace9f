#pragma once

#include <string>
#include <string_view>

namespace gradpath::cli {

/// Text as XML and HTML show it, in an element or a quoted attribute; control characters are `?`.
[[nodiscard]] std::string escaped(std::string_view text);

/// An SVG text. anchor: start, middle or end.
[[nodiscard]] std::string text_at(double x, double y, std::string_view anchor, int size,
                                  std::string_view text);

}  // namespace gradpath::cli
