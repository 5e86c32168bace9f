#pragma once

#include "models/prune/magnitude_table.hpp"
#include "models/stats/counts.hpp"
#include "models/stats/fit.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath {

/// UserError unless 0 <= target < 1.
void check_target(double target);

/// False where nothing is to be done: the zeros there already reach the target, or the tensor is
/// empty. target in [0, 1), else UserError. Every such target can be reached unless there are
/// infinities or NaNs, which are never pruned: a target at or above 1 - (infs + nans) / numel is a
/// UserError that names this limit.
[[nodiscard]] bool needs_pruning(const TensorCounts& counts, double target);

/// Expected fraction of zeros after stochastic pruning at alpha >= 0, over all elements:
/// (zeros + sum over 0 < |x| <= alpha of (1 - |x| / alpha)) / numel. Infinities and NaNs are never
/// pruned and count in numel. NaN for an empty tensor.
[[nodiscard]] double expected_sparsity(const SortedMagnitudes& sorted, double alpha);
/// The same bits without sorting: at most one pass over the tensor.
[[nodiscard]] double expected_sparsity(MagnitudeTable& table, double alpha);

/// The alpha at which expected_sparsity equals the target, rounded to fp32: solved exactly on the
/// sorted magnitudes (between two of them the expectation is a hyperbola in alpha).
/// 0 where nothing is to be done. UserError as needs_pruning, and for an alpha above the largest
/// fp32.
[[nodiscard]] float exact_threshold(const SortedMagnitudes& sorted, double target);
/// The same bits without sorting: one pass over the tensor beside the table's.
[[nodiscard]] float exact_threshold(MagnitudeTable& table, double target);

/// The paper's closed form: alpha = exp(mu + sigma u) with S(u) = (target - s0) / (1 - s0), where
/// s0 = zeros / numel and mu, sigma are the fit of the finite nonzeros. With one distinct magnitude
/// (sigma 0) it is the form's limit |x| / (1 - S). 0 and UserError as for exact_threshold, with
/// another limit: the target is unreachable only where there is no finite nonzero.
/// Real tensors are not lognormal: the sparsity reached is off by .015 in the median.
[[nodiscard]] float lognormal_threshold(const TensorFit& fit, double target);

/// alpha as fp32, to nearest; UserError (naming the target) above the largest fp32.
[[nodiscard]] float threshold_to_fp32(double alpha, double target);

}  // namespace gradpath
