#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "models/prune/choose_alpha.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/prune/threshold.hpp"
#include "models/schemes/statistics.hpp"
#include "models/theory/normal.hpp"

namespace gradpath::policies {
namespace {

// T(x) of arXiv 2006.08173; the threshold is what the policies that use it differ in.
class StochasticBase : public PrunePolicy {
 public:
  bool is_random() const override { return true; }
  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    const float alpha = choose(input, options);
    return {.alpha = alpha,
            .predicted_sparsity = expected_sparsity(input.table(), static_cast<double>(alpha))};
  }
  void apply(const PrunePlan& plan, const PruneOptions& options, std::uint64_t first,
             std::span<const float> in, std::span<float> out) const override {
    StochasticPruner(plan.alpha, options.random_bits)
        .prune(in, out, CounterRandom(options.seed), first);
  }

 private:
  [[nodiscard]] virtual float choose(PruneInput& input, const PruneOptions& options) const = 0;
};

class Stochastic final : public StochasticBase {
 public:
  explicit Stochastic(std::optional<AlphaRule> rule) : rule_(rule) {}
  std::string name() const override {
    return rule_ ? "stochastic:" + alpha_rule_name(*rule_) : "stochastic";
  }

 private:
  float choose(PruneInput& input, const PruneOptions& options) const override {
    return choose_alpha(rule_.value_or(options.alpha), input, options);
  }

  std::optional<AlphaRule> rule_;
};

// As if the elements were normal around 0: E|x| = sigma sqrt(2 / pi), and a share p of them is
// within Phi^-1((1 + p) / 2) sigma. T then keeps some of these, so p is not what is reached.
class Ye final : public StochasticBase {
 public:
  std::string name() const override { return "ye"; }

 private:
  float choose(PruneInput& input, const PruneOptions& options) const override {
    const double p = options.target_sparsity;
    check_target(p);
    const double mean_magnitude = tensor_statistics(input.source()).mean_magnitude();
    if (p == 0.0 || mean_magnitude == 0.0) return 0.0f;
    const double sigma = std::sqrt(std::acos(-1.0) / 2) * mean_magnitude;
    // Phi^-1((1 + p) / 2) = -Phi^-1((1 - p) / 2), which keeps the digits of p near 1.
    return threshold_to_fp32(-theory::normal_quantile((1 - p) / 2) * sigma, p);
  }
};

}  // namespace

PrunePolicyPtr make_stochastic(const Parameters& p) {
  return std::make_unique<Stochastic>(p.has(0) ? std::optional(parse_alpha_rule(p.text(0)))
                                               : std::nullopt);
}

PrunePolicyPtr make_ye(const Parameters& /*none*/) { return std::make_unique<Ye>(); }

}  // namespace gradpath::policies
