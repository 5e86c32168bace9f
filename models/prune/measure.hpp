#pragma once

#include <cstdint>
#include <span>

namespace gradpath {

/// How far a tensor is from what it was before.
struct PruneMeasure {
  std::uint64_t zeros_before = 0;
  std::uint64_t zeros_after = 0;
  double cosine = 0.0;  ///< over elements finite before and after; NaN if either side is all zero
  double mse = 0.0;     ///< over the same elements; NaN if there are none
};

/// before, after: equal sizes; std::invalid_argument otherwise. One pass; sums in double, in a
/// fixed order.
[[nodiscard]] PruneMeasure measure_pruning(std::span<const float> before,
                                           std::span<const float> after);

}  // namespace gradpath
