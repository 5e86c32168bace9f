#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/prune_kernels.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/prune/threshold.hpp"
#include "models/schemes/statistics.hpp"

namespace gradpath::policies {
namespace {

// Non-subtractive dither (dithered backprop, arXiv 2004.04729): multiples of D = k std(g),
// q = D floor((g + D (U - 1/2)) / D + 1/2) = D floor(g / D + U). On |g|, which has the same law:
// with n and f the whole and the fractional part of |g| / D, n + 1 with probability f, else n.
class Dithered final : public PrunePolicy {
 public:
  explicit Dithered(std::optional<double> k) : k_(k) {}
  std::string name() const override { return k_ ? fmt::format("dithered:{}", *k_) : "dithered"; }
  bool takes_target() const override { return !k_; }
  bool is_random() const override { return true; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    // Below D, an element is 0 with probability 1 - |g| / D, as for T with alpha = D: the exact
    // threshold is the D that has the target.
    const float step =
        k_ ? given_step(input) : exact_threshold(input.table(), options.target_sparsity);
    return {.alpha = step,
            .predicted_sparsity = expected_sparsity(input.table(), static_cast<double>(step))};
  }

  void apply(const PrunePlan& plan, const PruneOptions& options, std::uint64_t first,
             std::span<const float> in, std::span<float> out) const override {
    const CounterRandom random(options.seed);
    const float step = plan.alpha;
    if (step == 0.0f) {
      std::ranges::copy(in, out.begin());
      return;
    }
    if (kernels::dither({in, out.data(), random, first}, step, options.random_bits)) return;
    const StochasticPruner below(step, options.random_bits);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::uint32_t word = random.word(first + i);
      const bool is_small = std::fabs(in[i]) < step || !std::isfinite(in[i]);
      out[i] =
          is_small ? below.prune(in[i], word) : multiple(in[i], step, word, options.random_bits);
    }
  }

 private:
  [[nodiscard]] float given_step(PruneInput& input) const {
    const double step = *k_ * tensor_statistics(input.source()).standard_deviation();
    if (step <= static_cast<double>(std::numeric_limits<float>::max())) {
      return static_cast<float>(step);
    }
    throw UserError(
        fmt::format("{}: the step k std = {:.3g} is above the largest fp32; choose a "
                    "smaller k",
                    name(), step));
  }

  static float multiple(float x, float step, std::uint32_t word, int random_bits) {
    const double magnitude = std::fabs(x);
    const double width = step;
    double whole = std::floor(magnitude / width);
    double rest = std::fma(-whole, width, magnitude);  // exact; the quotient may have rounded up
    if (rest < 0) {
      whole -= 1;
      rest += width;
    }
    const std::uint32_t u = word >> (32 - random_bits);
    const double chance = std::ldexp(rest / width, random_bits);
    if (u + 0.5 < chance) whole += 1;
    const double most = std::numeric_limits<float>::max();
    return static_cast<float>(std::copysign(std::min(whole * width, most), x));
  }

  std::optional<double> k_;
};

}  // namespace

PrunePolicyPtr make_dithered(const Parameters& p) {
  return std::make_unique<Dithered>(p.has(0) ? std::optional(p.real(0)) : std::nullopt);
}

}  // namespace gradpath::policies
