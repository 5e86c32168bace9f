#pragma once

#include <span>
#include <string>

#include "models/prune/policy.hpp"
#include "sim/explore/column.hpp"

namespace gradpath {

/// A pruned tensor: a row of the verb's table.
struct PruneRow {
  std::string trace;
  std::string tensor;
  std::string policy;
  PruneResult result;
  double budget = 0.0;
  double expected_cosine = 0.0;
  double seconds = 0.0;
};
/// The columns; those of a shared sparsity, and of the time, besides.
[[nodiscard]] std::span<const Column<PruneRow>> prune_columns();
[[nodiscard]] std::span<const Column<PruneRow>> allocation_columns();
[[nodiscard]] std::span<const Column<PruneRow>> time_columns();

}  // namespace gradpath
