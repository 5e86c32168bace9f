#include "sim/cli/verbs/prune_allocation.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/parallel.hpp"
#include "sim/cli/inputs/training_place.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

Allocation shared_cosine(std::vector<MagnitudeTable>& tables, double budget,
                         const Session& session) {
  const ForEach for_each = [&](std::size_t count, const std::function<void(std::size_t)>& work) {
    parallel_for(count, session.threads, work);
  };
  try {
    return allocate_shared_cosine(tables, budget, for_each);
  } catch (const UserError& error) {
    throw UserError(fmt::format("--allocate cosine: over all tensors, {}", error.what()));
  }
}

}  // namespace

TensorSource source_of(const SelectedTensor& selected) {
  return [selected](const std::function<void(std::span<const float>)>& visit) {
    const Tensor& tensor = *selected.tensor;
    if (const auto view = float_view(tensor)) {
      visit(*view);
    } else {
      constexpr std::uint64_t kPiece = std::uint64_t{1} << 18;
      std::vector<float> piece;
      for (std::uint64_t first = 0; first < tensor.numel(); first += kPiece) {
        piece.resize(static_cast<std::size_t>(std::min(kPiece, tensor.numel() - first)));
        read_floats(tensor, first, piece);
        visit(piece);
      }
    }
    selected.trace->file().release(tensor);
  };
}

AllocationRule parse_allocation_rule(std::string_view text) {
  if (text == "uniform") return AllocationRule::uniform;
  if (text == "cosine") return AllocationRule::cosine;
  if (text == "authors") return AllocationRule::authors;
  throw UserError(
      fmt::format("unknown --allocate '{}'; expected uniform, cosine or authors", text));
}

std::vector<Allocation> allocate(AllocationRule rule, const std::vector<SelectedTensor>& tensors,
                                 const std::vector<double>& budgets, const Session& session) {
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
      const double reached = allocations.back().reached;
      if (std::abs(reached - budget) > 1e-9) {
        session.note(fmt::format(
            "--allocate authors: a sparsity of {} becomes {:.4g}: the last three blocks have fixed "
            "ones, and no other layer gets more than {}",
            budget, reached, kMostOtherSparsity));
      }
    }
    return allocations;
  }
  std::vector<std::unique_ptr<MagnitudeTable>> made(tensors.size());
  parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
    made[i] = for_tensor(tensors[i],
                         [&] { return std::make_unique<MagnitudeTable>(source_of(tensors[i])); });
  });
  std::vector<MagnitudeTable> tables;
  for (auto& table : made) tables.push_back(std::move(*table));
  for (const double budget : budgets) {
    allocations.push_back(shared_cosine(tables, budget, session));
  }
  return allocations;
}

}  // namespace gradpath::cli
