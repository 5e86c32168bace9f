#pragma once

#include "models/prune/alpha_rule.hpp"
#include "models/prune/policy.hpp"

namespace gradpath {

/// The threshold of stochastic pruning by a rule, for options.target_sparsity. 0 where nothing is
/// to be done. UserError where the target is out of range or cannot be reached (by the sample, for
/// AlphaRule::Kind::sample: it is all that the rule sees).
[[nodiscard]] float choose_alpha(const AlphaRule& rule, PruneInput& input,
                                 const PruneOptions& options);

/// Solved on counts by exponent and `mantissa_bits` (0 to 2) leading fraction bits, the elements of
/// a bucket taken as spread evenly over it; zeros, and all below 2^-126, are known by exponent
/// field 0. Misses the target by a few thousandths on real gradients.
[[nodiscard]] float histogram_threshold(MagnitudeTable& table, int mantissa_bits, double target);

/// `size` elements drawn without replacement (all of them, in order, if there are not more),
/// by counter words of a seed derived from `seed`: Floyd's algorithm (Bentley and Floyd 1987).
[[nodiscard]] std::vector<float> draw_sample(const TensorSource& source, std::uint32_t size,
                                             Seed seed);

}  // namespace gradpath
