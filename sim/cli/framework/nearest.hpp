#pragma once

#include <span>
#include <string_view>

namespace gradpath::cli {

/// The candidate with the smallest edit distance to `name` (the first of equals): what a user who
/// mistyped may have meant. Empty if there are no candidates.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> candidates);

}  // namespace gradpath::cli
