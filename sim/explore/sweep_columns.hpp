#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sim/explore/best_split.hpp"
#include "sim/explore/column.hpp"
#include "sim/explore/cost_table.hpp"
#include "sim/explore/sweep.hpp"

namespace gradpath {

/// A point's result with all that names it: a row of a sweep's table and of a store.
struct SweepRow {
  std::string profile_id;  ///< Profile::id()
  std::string identity;    ///< TensorSweep::profile_identity() or kernel_identity()
  std::string point;       ///< SweepPoint::name()
  std::string trace;
  std::string tensor;
  std::string format;
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int bias = 0;
  std::string rounding;
  std::string overflow;
  std::string scale;
  double sparsity = 0;
  SweepResult result;
  Cost cost = {};
  bool is_on_front = false;

  /// All of the point but its format: `rne standard scale none sparsity 0`.
  [[nodiscard]] std::string setting() const;
};
/// Without what only a store needs: profile_id, identity, point.
[[nodiscard]] SweepRow sweep_row(const std::string& trace, const std::string& tensor,
                                 const SweepPoint& point, const SweepResult& result);

/// The columns of a sweep. Those with `sql` are the store's, the first four of them its key.
[[nodiscard]] std::span<const Column<SweepRow>> sweep_columns();
/// What a cost table adds, and the front of error against area.
[[nodiscard]] std::span<const Column<SweepRow>> cost_columns();
[[nodiscard]] std::span<const Column<SweepRow>> front_columns();

/// A row of the table of best formats.
struct BestRow {
  std::string trace;
  std::string tensor;
  const Measure* measure = nullptr;
  BestSplit split;
};
[[nodiscard]] std::span<const Column<BestRow>> best_columns();

}  // namespace gradpath
