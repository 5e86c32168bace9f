#pragma once

#include <span>
#include <string_view>

namespace gradpath {

/// What a user who mistyped may have meant: the first candidate that begins with `name`, else that
/// of the smallest edit distance (the first of equals). Empty if there are no candidates.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> candidates);

}  // namespace gradpath
