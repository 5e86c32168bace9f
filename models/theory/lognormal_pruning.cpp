#include "models/theory/lognormal_pruning.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "models/theory/normal.hpp"
#include "models/theory/pieces.hpp"
#include "models/theory/root.hpp"

namespace gradpath::theory {
namespace {

void require_sigma(const char* function, double sigma) {
  if (sigma > 0.0 && std::isfinite(sigma)) return;
  throw std::domain_error(std::string(function) + ": sigma is not positive and finite");
}

/// S(u) as the integral of (1 - exp(sigma (z - u))) density(z) over z < u: positive terms only.
double pruned_by_integral(double u, double sigma) {
  constexpr double kFarthest = 39.0;  // the density underflows
  constexpr double kPiece = 0.5;
  if (u >= 0.0) {
    return integral_in_pieces(-kFarthest, std::min(u, kFarthest), kPiece, [=](double z) {
      return -std::expm1(sigma * (z - u)) * normal_density(z);
    });
  }
  // From the threshold down the density falls like exp(u y), y = u - z.
  const double farthest = std::min(kFarthest + u, 1.0 + 45.0 / (1.0 - u));
  return integral_in_pieces(0.0, farthest, kPiece / (1.0 - 0.25 * u), [=](double y) {
    return -std::expm1(-sigma * y) * normal_density(u - y);
  });
}

/// The energy of the promoted, relative to the tensor's: the same two forms as promoted_fraction.
double promoted_energy(double u, double sigma) {
  const double a = u - sigma;
  return a < 0.0 ? normal_density(u - 2.0 * sigma) * mills_ratio(a)
                 : std::exp(sigma * (u - 1.5 * sigma)) * normal_cdf(a);
}

}  // namespace

double promoted_fraction(double u, double sigma) {
  const double a = u - sigma;
  // exp(sigma^2/2 - sigma u) density(a) = density(u): for a < 0 that form neither overflows nor
  // underflows before the result does.
  if (a < 0.0) return normal_density(u) * mills_ratio(a);
  return std::exp(-sigma * (u - 0.5 * sigma)) * normal_cdf(a);
}

double pruned_fraction(double u, double sigma) {
  constexpr double kCancelled = 0.05;  // of the first term: below, the difference loses digits
  constexpr double kNarrow = 2.0;      // beyond, the integrand bends faster than the pieces
  // Below the median both terms of S are small and near each other; their ratios to the density are
  // not small.
  const double scale = u < 0.0 ? normal_density(u) : 1.0;
  const double all = u < 0.0 ? mills_ratio(u) : normal_cdf(u);
  const double rest = u < 0.0 ? mills_ratio(u - sigma) : promoted_fraction(u, sigma);
  if (all - rest > kCancelled * all || sigma > kNarrow) return scale * (all - rest);
  return pruned_by_integral(u, sigma);
}

double kept_fraction(double u, double sigma) {
  return normal_cdf(-u) + promoted_fraction(u, sigma);
}

double standard_threshold(double sparsity, double sigma) {
  if (!(sparsity > 0.0 && sparsity < 1.0)) {
    throw std::domain_error("standard_threshold: sparsity outside (0, 1)");
  }
  require_sigma("standard_threshold", sigma);
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
  return 1.0 / std::sqrt(promoted_energy(u, sigma) + normal_cdf(2.0 * sigma - u));
}

double threshold_of_cosine(double cosine, double sigma) {
  if (!(cosine > 0.0 && cosine < 1.0)) {
    throw std::domain_error("threshold_of_cosine: cosine outside (0, 1)");
  }
  require_sigma("threshold_of_cosine", sigma);
  // 1 / cosine^2 is the energy after pruning; its slope in u is sigma times the promoted's part.
  return increasing_root([=](double u) {
    const double promoted = promoted_energy(u, sigma);
    const double energy = promoted + normal_cdf(2.0 * sigma - u);
    return ValueAndSlope{std::log(energy) + 2.0 * std::log(cosine), sigma * promoted / energy};
  });
}

double topk_cosine(double sparsity, double sigma) {
  return std::sqrt(normal_cdf(2.0 * sigma - normal_quantile(sparsity)));
}

double topk_sparsity(double cosine, double sigma) {
  if (!(cosine > 0.0 && cosine < 1.0)) {
    throw std::domain_error("topk_sparsity: cosine outside (0, 1)");
  }
  return normal_cdf(2.0 * sigma - normal_quantile(cosine * cosine));
}

}  // namespace gradpath::theory
