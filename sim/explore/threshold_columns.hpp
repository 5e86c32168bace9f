#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/explore/column.hpp"

namespace gradpath {

/// What one of the hardware's threshold units chooses for a tensor.
struct ThresholdRow {
  std::string trace;
  std::string tensor;
  std::string unit;
  std::string mantissa_bits;  ///< that the unit counts by; empty where it has none
  std::uint64_t numel = 0;
  double target_sparsity = 0;
  double alpha = 0;
  double reached_sparsity = 0;

  [[nodiscard]] double error() const { return reached_sparsity - target_sparsity; }
};
[[nodiscard]] std::span<const Column<ThresholdRow>> threshold_columns();

/// A row a unit (threshold_log; threshold_histogram with 0, 1 and 2 mantissa bits) and target in
/// [0, 1), without trace and tensor. UserError above 2^28 elements.
[[nodiscard]] std::vector<ThresholdRow> unit_thresholds(std::span<const float> values,
                                                        std::span<const double> targets);

}  // namespace gradpath
