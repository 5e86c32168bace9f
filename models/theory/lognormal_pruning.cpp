#include "models/theory/lognormal_pruning.hpp"

#include <cmath>
#include <stdexcept>

#include "models/theory/normal.hpp"
#include "models/theory/root.hpp"

namespace gradpath::theory {

double promoted_fraction(double u, double sigma) {
  const double a = u - sigma;
  // exp(sigma^2/2 - sigma u) density(a) = density(u): for a < 0 that form neither overflows nor
  // underflows before the result does.
  if (a < 0.0) return normal_density(u) * mills_ratio(a);
  return std::exp(-sigma * (u - 0.5 * sigma)) * normal_cdf(a);
}

double pruned_fraction(double u, double sigma) {
  // Below the median both terms of S are small and near each other; their ratios to the density are
  // not small.
  if (u < 0.0) return normal_density(u) * (mills_ratio(u) - mills_ratio(u - sigma));
  return normal_cdf(u) - promoted_fraction(u, sigma);
}

double kept_fraction(double u, double sigma) {
  return normal_cdf(-u) + promoted_fraction(u, sigma);
}

double standard_threshold(double sparsity, double sigma) {
  if (!(sparsity > 0.0 && sparsity < 1.0)) {
    throw std::domain_error("standard_threshold: sparsity outside (0, 1)");
  }
  if (!(sigma > 0.0 && std::isfinite(sigma))) {
    throw std::domain_error("standard_threshold: sigma is not positive and finite");
  }
  // dS/du = sigma * promoted fraction. The logarithm of the smaller of S and 1 - S is nearly
  // linear or parabolic in u, and keeps its digits at both ends.
  if (sparsity <= 0.5) {
    return increasing_root([=](double u) {
      const double s = pruned_fraction(u, sigma);
      return ValueAndSlope{std::log(s / sparsity), sigma * promoted_fraction(u, sigma) / s};
    });
  }
  const double kept = 1.0 - sparsity;
  return increasing_root([=](double u) {
    const double k = kept_fraction(u, sigma);
    return ValueAndSlope{-std::log(k / kept), sigma * promoted_fraction(u, sigma) / k};
  });
}

double pruning_cosine(double u, double sigma) {
  const double a = u - sigma;
  // The energy of the promoted, relative to the tensor's: the same two forms as promoted_fraction.
  const double promoted = a < 0.0 ? normal_density(u - 2.0 * sigma) * mills_ratio(a)
                                  : std::exp(sigma * (u - 1.5 * sigma)) * normal_cdf(a);
  return 1.0 / std::sqrt(promoted + normal_cdf(2.0 * sigma - u));
}

double topk_cosine(double sparsity, double sigma) {
  return std::sqrt(normal_cdf(2.0 * sigma - normal_quantile(sparsity)));
}

}  // namespace gradpath::theory
