#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/cli/framework/table.hpp"

namespace gradpath::cli {

/// The columns of append_thresholds.
[[nodiscard]] Table make_threshold_table();

/// What the hardware's threshold units choose for a tensor, and what sparsity it is expected to
/// reach: a row a unit (threshold_log; threshold_histogram with 0, 1 and 2 mantissa bits) and
/// target. targets: in [0, 1). UserError above 2^28 elements.
void append_thresholds(Table& table, const std::string& trace, const std::string& tensor,
                       std::span<const float> values, const std::vector<double>& targets);

}  // namespace gradpath::cli
