#include "models/prune/policies.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/prune/threshold.hpp"

namespace gradpath::policies {
namespace {

PrunePlan plan(PruneInput& input, const PruneOptions& options) {
  const float alpha = options.alpha == AlphaMode::exact
                          ? exact_threshold(input.sorted(), options.target_sparsity)
                          : lognormal_threshold(input.fit(), options.target_sparsity);
  return {.alpha = alpha,
          .predicted_sparsity = expected_sparsity(input.sorted(), static_cast<double>(alpha))};
}

void apply(const PrunePlan& plan, const PruneOptions& options, std::span<const float> in,
           std::span<float> out) {
  StochasticPruner(plan.alpha, options.random_bits).prune(in, out, CounterRandom(options.seed));
}

}  // namespace

PrunePolicy stochastic() {
  return {.name = "stochastic",
          .summary = "keeps |x| < alpha as alpha with probability |x|/alpha: unbiased",
          .plan = plan,
          .apply = apply};
}

}  // namespace gradpath::policies
