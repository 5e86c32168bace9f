#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/prune/allocation.hpp"
#include "sim/cli/framework/session.hpp"
#include "sim/cli/inputs/trace_selection.hpp"

namespace gradpath::cli {

/// How `prune` spreads a total sparsity over tensors.
enum class AllocationRule : std::uint8_t { uniform, cosine, authors };
/// Reads uniform, cosine or authors; UserError otherwise.
[[nodiscard]] AllocationRule parse_allocation_rule(std::string_view text);

/// Hands out a tensor of an open file piece by piece, so that none is in memory as a whole.
[[nodiscard]] TensorSource source_of(const SelectedTensor& selected);

/// The allocation of each budget. Reads the tensors as often as needed and keeps none of them.
/// UserError naming --allocate where a budget cannot be reached.
[[nodiscard]] std::vector<Allocation> allocate(AllocationRule rule,
                                               const std::vector<SelectedTensor>& tensors,
                                               const std::vector<double>& budgets,
                                               const Session& session);

}  // namespace gradpath::cli
