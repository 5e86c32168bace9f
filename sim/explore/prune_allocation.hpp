#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/prune/allocation.hpp"
#include "sim/explore/selected_tensor.hpp"

namespace gradpath {

/// How `prune` spreads a total sparsity over tensors.
enum class AllocationRule : std::uint8_t { uniform, cosine, authors };
/// Reads uniform, cosine or authors; UserError otherwise.
[[nodiscard]] AllocationRule parse_allocation_rule(std::string_view text);

/// A tensor of an open file, read piece by piece, so that none is in memory as a whole.
[[nodiscard]] TensorSource source_of(const SelectedTensor& selected);

/// The allocation of each budget. Reads the tensors as often as needed and keeps none of them.
/// UserError where a budget cannot be reached; Allocation::reached says what the authors' rule
/// makes of one.
[[nodiscard]] std::vector<Allocation> allocate(AllocationRule rule,
                                               const std::vector<SelectedTensor>& tensors,
                                               const std::vector<double>& budgets,
                                               unsigned threads);

}  // namespace gradpath
