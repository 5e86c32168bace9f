#include "sim/cli/verbs/threshold_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"
#include "models/prune/threshold_unit.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath::cli {

Table make_threshold_table() {
  return Table({"trace", "tensor", "unit", "mantissa_bits", "numel", "target_sparsity", "alpha",
                "reached_sparsity", "error"});
}

void append_thresholds(Table& table, const std::string& trace, const std::string& tensor,
                       std::span<const float> values, const std::vector<double>& targets) {
  if (values.empty()) return;
  constexpr double kTargetSteps = 65536;
  const SortedMagnitudes sorted(values);
  const auto add = [&](const auto& unit, const std::string& name, const std::string& bits) {
    for (const double target : targets) {
      const auto steps = static_cast<std::uint16_t>(
          std::min(std::lround(target * kTargetSteps), std::lround(kTargetSteps) - 1));
      const double alpha = double{std::bit_cast<float>(unit.solve(steps))};
      const double reached = expected_sparsity(sorted, alpha);
      table.add_row({trace, tensor, name, bits, std::uint64_t{values.size()}, target, alpha,
                     reached, reached - target});
    }
  };
  try {
    LogThreshold log;
    log.add(values);
    add(log, "threshold_log", "");
    for (const int bits : {0, 1, 2}) {
      HistogramThreshold histogram({.mantissa_bits = bits});
      histogram.add(values);
      add(histogram, "threshold_histogram", fmt::format("{}", bits));
    }
  } catch (const std::length_error&) {
    throw UserError(
        fmt::format("the threshold units count up to 2^28 elements, this tensor has {}; choose "
                    "smaller tensors with --tensors",
                    values.size()));
  }
}

}  // namespace gradpath::cli
