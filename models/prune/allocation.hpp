#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "models/prune/magnitude_table.hpp"

namespace gradpath {

/// E<x, T(x)> / (|x| sqrt(E|T(x)|^2)) of stochastic pruning at alpha, over the finite elements:
/// sqrt(Q / (Q + sum over |x| < alpha of (alpha |x| - x^2))), Q the sum of squares. 1 at alpha 0;
/// NaN if all are zero.
[[nodiscard]] double expected_pruning_cosine(MagnitudeTable& table, double alpha);
/// The expected sparsity at the threshold where that cosine is `cosine`, in (0, 1]. With no finite
/// nonzero: the fraction of zeros. Not above the largest double below 1.
[[nodiscard]] double sparsity_at_cosine(MagnitudeTable& table, double cosine);

/// Calls work(i) for every i below count, in any order, several at a time if it likes.
using ForEach =
    std::function<void(std::size_t count, const std::function<void(std::size_t)>& work)>;

/// A sparsity for each layer.
struct Allocation {
  std::vector<double> sparsities;
  double reached = 0.0;  ///< sum of n_l S_l / sum of n_l
};

/// One cosine for all layers, such that sum of n_l S_l = sparsity * sum of n_l: of all allocations
/// of that budget, the one whose smallest cosine is largest. The cosine is found by bisection on
/// the tensors' own sums, to rounding. Where the zeros there exceed the budget, every layer keeps
/// its own. UserError if the budget is not in [0, 1) or cannot be reached.
[[nodiscard]] Allocation allocate_shared_cosine(std::span<MagnitudeTable> layers, double sparsity,
                                                const ForEach& for_each);

/// Sparsities of the last three blocks of a network, in order, in the code of the authors of
/// arXiv 2006.08173, and the most that they give to any other layer.
inline constexpr std::array kDeepBlockSparsities = {0.95, 0.98, 0.98};
inline constexpr double kMostOtherSparsity = 0.9;

/// A layer as the authors' rule sees it.
struct BlockedLayer {
  std::uint64_t numel = 0;
  int blocks_after = -1;  ///< blocks behind its own: 0 in the last one; -1: in no block
};
/// The authors' rule: fixed sparsities for layers of the last three blocks, one share of what is
/// left of the budget for all others, from 0 to kMostOtherSparsity. So the budget may be missed:
/// see Allocation::reached. UserError if the sparsity is not in [0, 1).
[[nodiscard]] Allocation allocate_as_authors(std::span<const BlockedLayer> layers, double sparsity);

}  // namespace gradpath
