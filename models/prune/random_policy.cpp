#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "models/prune/policy.hpp"
#include "models/prune/prune_kernels.hpp"
#include "models/prune/threshold.hpp"

namespace gradpath::policies {
namespace {

constexpr double kWords = 0x1p32;

// Every finite nonzero stays with the same probability, scaled by its inverse. The zeros there
// count, so the probability is that of the rest; it is a multiple of 2^-32, and the scale its exact
// inverse, so that the expectation is the element (before the product is rounded to fp32).
class Random final : public PrunePolicy {
 public:
  std::string name() const override { return "random"; }
  bool is_random() const override { return true; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    const TensorCounts& counts = input.counts();
    const auto zeros = static_cast<double>(counts.zeros);
    const auto numel = static_cast<double>(counts.numel);
    const auto nonzeros = static_cast<double>(counts.nonzeros());
    const double keep = keep_probability(counts, options.target_sparsity);
    return {.alpha = keep == 1.0 ? 0.0f : std::numeric_limits<float>::quiet_NaN(),
            .predicted_sparsity = (zeros + nonzeros * (1.0 - keep)) / numel,
            .keep_probability = keep};
  }

  void apply(const PrunePlan& plan, const PruneOptions& options, std::uint64_t first,
             std::span<const float> in, std::span<float> out) const override {
    if (plan.keep_probability == 1.0) {
      std::ranges::copy(in, out.begin());
      return;
    }
    const auto limit = static_cast<std::uint32_t>(plan.keep_probability * kWords);
    kernels::scale_kept({in, out.data(), CounterRandom(options.seed), first}, limit,
                        1.0 / plan.keep_probability);
  }

 private:
  static double keep_probability(const TensorCounts& counts, double target) {
    if (!needs_pruning(counts, target)) return 1.0;
    const double wanted =
        target * static_cast<double>(counts.numel) - static_cast<double>(counts.zeros);
    const double drop = wanted / static_cast<double>(counts.nonzeros());
    return std::clamp(std::nearbyint((1.0 - drop) * kWords), 1.0, kWords) / kWords;
  }
};

}  // namespace

PrunePolicyPtr make_random(const Parameters& /*none*/) { return std::make_unique<Random>(); }

}  // namespace gradpath::policies
