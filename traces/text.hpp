#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gradpath {

/// A name from a file in quotes, control characters escaped and long ones shortened, so that an
/// error message stays one readable line.
[[nodiscard]] std::string quote(std::string_view text);

/// `[64, 3, 7, 7]`.
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace gradpath
