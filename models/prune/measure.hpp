#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/stats/sum.hpp"

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

/// Measures a tensor piece by piece, in double and in a fixed order: the same bits for any pieces
/// of whole kBlock elements.
class PruneMeasurer {
 public:
  static constexpr std::size_t kBlock = 1024;

  /// The next elements; std::invalid_argument if the sizes differ.
  void add(std::span<const float> before, std::span<const float> after);
  [[nodiscard]] std::uint64_t numel() const { return numel_; }
  [[nodiscard]] PruneMeasure result() const;

 private:
  // Plain sums within a block, compensated across them: the error stays at a few roundings.
  std::uint64_t numel_ = 0;
  std::uint64_t finite_ = 0;
  std::uint64_t zeros_before_ = 0;
  std::uint64_t zeros_after_ = 0;
  CompensatedSum products_;
  CompensatedSum squares_before_;
  CompensatedSum squares_after_;
  CompensatedSum squared_errors_;
  CompensatedSum magnitudes_;
  CompensatedSum growth_;
};

}  // namespace gradpath
