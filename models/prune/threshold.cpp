#include "models/prune/threshold.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/threshold_walk.hpp"
#include "models/theory/lognormal_pruning.hpp"

namespace gradpath {
namespace {

double zero_fraction(const TensorCounts& counts) {
  return static_cast<double>(counts.zeros) / static_cast<double>(counts.numel);
}

// Compared as fractions: a target written as the tensor's own sparsity, 0.07 for 7 zeros in 100, is
// then equal to it.
bool nothing_to_do(const TensorCounts& counts, double target) {
  check_target(target);
  return counts.numel == 0 || zero_fraction(counts) >= target;
}

double sparsity_of(const TensorCounts& counts, const ThresholdWalk& below, double alpha) {
  const double pruned = below.count() == 0 ? 0.0 : below.expected_zeros(alpha);
  return (static_cast<double>(counts.zeros) + pruned) / static_cast<double>(counts.numel);
}

// With C elements and their sum A up to a magnitude, the expected zeros among the nonzeros are
// C - A / alpha until alpha passes the next magnitude, which itself starts from 0 there:
// continuous, increasing. The target is met before the first magnitude at which there are more than
// wanted.
class ExactSolver {
 public:
  ExactSolver(const TensorCounts& counts, double target)
      : target_(target),
        wanted_(target * static_cast<double>(counts.numel) - static_cast<double>(counts.zeros)) {}

  [[nodiscard]] bool passes(float x) const { return at(walk_, double{x}) > wanted_; }
  /// False only if no magnitude of the bucket passes: at most as many zeros are expected below it
  /// as below the bucket's end. The margin is for the rounding of `at`.
  [[nodiscard]] bool may_pass(const MagnitudeBucket& bucket) const {
    ThresholdWalk next = walk_;
    next.add(bucket);
    return at(next, double{upper_edge(bucket.key)}) + 1e-14 * static_cast<double>(next.count()) >
           wanted_;
  }
  ThresholdWalk& walk() { return walk_; }
  [[nodiscard]] float alpha() const {
    return threshold_to_fp32(walk_.sum() / (static_cast<double>(walk_.count()) - wanted_), target_);
  }

 private:
  static double at(const ThresholdWalk& walk, double x) {
    return static_cast<double>(walk.count()) - walk.sum() / x;
  }

  double target_;
  double wanted_;
  ThresholdWalk walk_;
};

}  // namespace

void check_target(double target) {
  if (target >= 0.0 && target < 1.0) return;
  throw UserError(fmt::format(
      "sparsity {} is out of range; expected a fraction of zeros, at least 0 and below 1", target));
}

bool needs_pruning(const TensorCounts& counts, double target) {
  if (nothing_to_do(counts, target)) return false;
  const double limit =
      static_cast<double>(counts.zeros + counts.nonzeros()) / static_cast<double>(counts.numel);
  if (target < limit) return true;
  throw UserError(fmt::format(
      "sparsity {} cannot be reached: {} infinities and {} NaNs of {} elements are never pruned; "
      "choose less than {:.6g}",
      target, counts.infs, counts.nans, counts.numel, limit));
}

float threshold_to_fp32(double alpha, double target) {
  if (alpha <= static_cast<double>(std::numeric_limits<float>::max())) {
    return static_cast<float>(alpha);
  }
  throw UserError(fmt::format(
      "sparsity {} needs a threshold of {:.3g}, above the largest fp32; choose a lower sparsity",
      target, alpha));
}

double expected_sparsity(const SortedMagnitudes& sorted, double alpha) {
  ThresholdWalk below;
  sorted.visit([&](const MagnitudeRun& run) {
    if (run.magnitude < alpha) below.add(std::bit_cast<std::uint32_t>(run.magnitude), run.count());
  });
  return sparsity_of(sorted.counts(), below, alpha);
}

double expected_sparsity(MagnitudeTable& table, double alpha) {
  ThresholdWalk below;
  for (const MagnitudeBucket& bucket : table.buckets()) {
    if (upper_edge(bucket.key) < alpha) {
      below.add(bucket);
      continue;
    }
    if (lower_edge(bucket.key) >= alpha) break;
    for (const LowCount& entry : table.lows(bucket)) {
      const std::uint32_t bits = bucket.key << 16 | entry.low;
      if (std::bit_cast<float>(bits) >= alpha) break;
      below.add(bits, entry.count);
    }
    break;
  }
  return sparsity_of(table.counts(), below, alpha);
}

float exact_threshold(const SortedMagnitudes& sorted, double target) {
  if (!needs_pruning(sorted.counts(), target)) return 0.0f;
  ExactSolver solver(sorted.counts(), target);
  bool passed = false;
  sorted.visit([&](const MagnitudeRun& run) {
    passed = passed || solver.passes(run.magnitude);
    if (!passed) solver.walk().add(std::bit_cast<std::uint32_t>(run.magnitude), run.count());
  });
  return solver.alpha();
}

float exact_threshold(MagnitudeTable& table, double target) {
  if (!needs_pruning(table.counts(), target)) return 0.0f;
  ExactSolver solver(table.counts(), target);
  for (const MagnitudeBucket& bucket : table.buckets()) {
    if (!solver.may_pass(bucket)) {
      solver.walk().add(bucket);
      continue;
    }
    for (const LowCount& entry : table.lows(bucket)) {
      const std::uint32_t bits = bucket.key << 16 | entry.low;
      if (solver.passes(std::bit_cast<float>(bits))) return solver.alpha();
      solver.walk().add(bits, entry.count);
    }
  }
  return solver.alpha();
}

float lognormal_threshold(const TensorFit& fit, double target) {
  if (nothing_to_do(fit.counts, target)) return 0.0f;
  if (fit.counts.nonzeros() == 0) {
    throw UserError(fmt::format(
        "sparsity {} cannot be reached: the tensor has no finite nonzero value to fit", target));
  }
  const double zeros = zero_fraction(fit.counts);
  const double among_nonzeros = (target - zeros) / (1.0 - zeros);
  if (fit.sigma_ln == 0.0)
    return threshold_to_fp32(fit.counts.abs_max / (1.0 - among_nonzeros), target);
  const double u = theory::standard_threshold(among_nonzeros, fit.sigma_ln);
  return threshold_to_fp32(std::exp(fit.mu_ln + fit.sigma_ln * u), target);
}

}  // namespace gradpath
