#include "sim/explore/prune_allocation.hpp"

#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/explore/amended.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/training_place.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath {

TensorSource source_of(const SelectedTensor& selected) {
  return float_source(selected.trace->file(), *selected.tensor);
}

AllocationRule parse_allocation_rule(std::string_view text) {
  if (text == "uniform") return AllocationRule::uniform;
  if (text == "cosine") return AllocationRule::cosine;
  if (text == "authors") return AllocationRule::authors;
  throw UserError(
      fmt::format("unknown --allocate '{}'; expected uniform, cosine or authors", text));
}

std::vector<Allocation> allocate(AllocationRule rule, const std::vector<SelectedTensor>& tensors,
                                 const std::vector<double>& budgets, unsigned threads) {
  std::vector<Allocation> allocations;
  if (rule == AllocationRule::uniform) {
    for (const double budget : budgets) {
      allocations.push_back({std::vector<double>(tensors.size(), budget), budget});
    }
    return allocations;
  }
  if (rule == AllocationRule::authors) {
    const std::vector<int> after = blocks_after(tensors);
    std::vector<BlockedLayer> layers;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      layers.push_back({tensors[i].tensor->numel(), after[i]});
    }
    for (const double budget : budgets) {
      allocations.push_back(allocate_as_authors(layers, budget));
    }
    return allocations;
  }
  std::vector<std::unique_ptr<MagnitudeTable>> made(tensors.size());
  parallel_for(tensors.size(), threads, [&](std::size_t i) {
    made[i] = for_tensor(tensors[i],
                         [&] { return std::make_unique<MagnitudeTable>(source_of(tensors[i])); });
  });
  std::vector<MagnitudeTable> tables;
  for (auto& table : made) tables.push_back(std::move(*table));
  for (const double budget : budgets) {
    const ForEach for_each = [&](std::size_t count, const auto& work) {
      parallel_for(count, threads, work);
    };
    allocations.push_back(amended([&] { return allocate_shared_cosine(tables, budget, for_each); },
                                  "", "allocation by one cosine: over all tensors, "));
  }
  return allocations;
}

}  // namespace gradpath
