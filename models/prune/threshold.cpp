#include "models/prune/threshold.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/stats/sum.hpp"
#include "models/theory/lognormal_pruning.hpp"

namespace gradpath {
namespace {

void check_target(double target) {
  if (target >= 0.0 && target < 1.0) return;
  throw UserError(fmt::format(
      "sparsity {} is out of range; expected a fraction of zeros, at least 0 and below 1", target));
}

double zero_fraction(const TensorCounts& counts) {
  return static_cast<double>(counts.zeros) / static_cast<double>(counts.numel);
}

/// True where the zeros there are reach the target. Compared as fractions: a target written as the
/// tensor's own sparsity, 0.07 for 7 zeros in 100, is then equal to it.
bool nothing_to_do(const TensorCounts& counts, double target) {
  return counts.numel == 0 || zero_fraction(counts) >= target;
}

float to_fp32(double alpha, double target) {
  if (alpha <= static_cast<double>(std::numeric_limits<float>::max())) {
    return static_cast<float>(alpha);
  }
  throw UserError(fmt::format(
      "sparsity {} needs a threshold of {:.3g}, above the largest fp32; choose a lower sparsity",
      target, alpha));
}

}  // namespace

double expected_sparsity(const SortedMagnitudes& sorted, double alpha) {
  const TensorCounts& counts = sorted.counts();
  CompensatedSum pruned;
  for (std::size_t i = 0; i < sorted.distinct(); ++i) {
    const double x = sorted.magnitude(i);
    if (x >= alpha) break;
    pruned.add((sorted.up_to(i) - sorted.below(i)) * ((alpha - x) / alpha));
  }
  return (static_cast<double>(counts.zeros) + pruned.value()) / static_cast<double>(counts.numel);
}

float exact_threshold(const SortedMagnitudes& sorted, double target) {
  check_target(target);
  const TensorCounts& counts = sorted.counts();
  if (nothing_to_do(counts, target)) return 0.0f;
  const auto zeros = static_cast<double>(counts.zeros);
  const auto numel = static_cast<double>(counts.numel);
  const double limit = (zeros + static_cast<double>(counts.nonzeros())) / numel;
  if (target >= limit) {
    throw UserError(fmt::format(
        "sparsity {} cannot be reached: {} infinities and {} NaNs of {} elements are never pruned; "
        "choose less than {:.6g}",
        target, counts.infs, counts.nans, counts.numel, limit));
  }
  // With C elements and their sum A up to a magnitude, the expected zeros are zeros + C - A / alpha
  // until alpha passes the next magnitude, which itself starts from 0 there: continuous,
  // increasing.
  const double wanted = target * numel - zeros;
  CompensatedSum sum;
  double count_below = 0.0;
  double sum_below = 0.0;
  for (std::size_t i = 0; i < sorted.distinct(); ++i) {
    const double x = sorted.magnitude(i);
    if (count_below - sum_below / x > wanted) break;
    sum.add((sorted.up_to(i) - sorted.below(i)) * x);
    sum_below = sum.value();
    count_below = sorted.up_to(i);
  }
  return to_fp32(sum_below / (count_below - wanted), target);
}

float lognormal_threshold(const TensorFit& fit, double target) {
  check_target(target);
  if (nothing_to_do(fit.counts, target)) return 0.0f;
  if (fit.counts.nonzeros() == 0) {
    throw UserError(fmt::format(
        "sparsity {} cannot be reached: the tensor has no finite nonzero value to fit", target));
  }
  const double zeros = zero_fraction(fit.counts);
  const double among_nonzeros = (target - zeros) / (1.0 - zeros);
  if (fit.sigma_ln == 0.0) return to_fp32(fit.counts.abs_max / (1.0 - among_nonzeros), target);
  const double u = theory::standard_threshold(among_nonzeros, fit.sigma_ln);
  return to_fp32(std::exp(fit.mu_ln + fit.sigma_ln * u), target);
}

}  // namespace gradpath
