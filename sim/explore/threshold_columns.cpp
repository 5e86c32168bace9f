#include "sim/explore/threshold_columns.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"
#include "models/prune/threshold_unit.hpp"

namespace gradpath {
namespace {

using Row = ThresholdRow;
constexpr auto kColumns = std::to_array<Column<Row>>({
    column<&Row::trace>("trace", "", "path of the trace"),
    column<&Row::tensor>("tensor", "", "name of the tensor"),
    column<&Row::unit>("unit", "", "the RTL module that chooses"),
    column<&Row::mantissa_bits>("mantissa_bits", "bits", "that it counts by"),
    column<&Row::numel>("numel", "elements", "elements of the tensor"),
    column<&Row::target_sparsity>("target_sparsity", "1", "asked for"),
    column<&Row::alpha>("alpha", "x", "threshold that the unit chooses"),
    column<&Row::reached_sparsity>("reached_sparsity", "1", "expected at that threshold"),
    {"error", "", "1", "`reached_sparsity` less the target",
     [](const Row& row) -> Cell { return row.error(); }},
});

}  // namespace

std::span<const Column<ThresholdRow>> threshold_columns() { return kColumns; }

std::vector<ThresholdRow> unit_thresholds(std::span<const float> values,
                                          std::span<const double> targets) {
  std::vector<ThresholdRow> rows;
  if (values.empty()) return rows;
  constexpr double kTargetSteps = 65536;
  MagnitudeTable magnitudes(values);
  const auto add = [&](const auto& unit, const std::string& name, const std::string& bits) {
    for (const double target : targets) {
      const auto steps = static_cast<std::uint16_t>(
          std::min(std::lround(target * kTargetSteps), std::lround(kTargetSteps) - 1));
      const double alpha = double{std::bit_cast<float>(unit.solve(steps))};
      rows.push_back({.trace = "",
                      .tensor = "",
                      .unit = name,
                      .mantissa_bits = bits,
                      .numel = values.size(),
                      .target_sparsity = target,
                      .alpha = alpha,
                      .reached_sparsity = expected_sparsity(magnitudes, alpha)});
    }
  };
  try {
    LogThreshold log;
    log.add(values);
    add(log, "threshold_log", "");
    for (const int bits : {0, 1, 2}) {
      HistogramThreshold histogram({.mantissa_bits = bits});
      histogram.add(values);
      add(histogram, "threshold_histogram", std::to_string(bits));
    }
  } catch (const std::length_error&) {
    throw UserError(
        fmt::format("the threshold units count up to 2^28 elements, this tensor has {}; choose "
                    "smaller tensors with --tensors",
                    values.size()));
  }
  return rows;
}

}  // namespace gradpath
