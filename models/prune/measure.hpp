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
  /// Sum of sign(x) (y - x) over sum of |x|, over the same elements: by what share magnitudes grew
  /// (0 in expectation where y is unbiased; minus the lost share where elements are cut off). NaN
  /// if all are zero.
  double bias = 0.0;
  /// Its standard error if y is unbiased and elements are drawn independently:
  /// sqrt(sum of (y - x)^2) over sum of |x|.
  double bias_error = 0.0;
};

/// before, after: equal sizes; std::invalid_argument otherwise. One pass; sums in double, in a
/// fixed order.
[[nodiscard]] PruneMeasure measure_pruning(std::span<const float> before,
                                           std::span<const float> after);

}  // namespace gradpath
