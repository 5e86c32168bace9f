#include "models/theory/normal.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include <boost/math/special_functions/erf.hpp>

namespace gradpath::theory {
namespace {

constexpr double kSqrtHalf = 1.0 / std::numbers::sqrt2;
constexpr double kDensityAtZero = std::numbers::inv_sqrtpi * kSqrtHalf;

}  // namespace

double normal_density(double z) { return kDensityAtZero * std::exp(-0.5 * z * z); }

double normal_cdf(double z) { return 0.5 * std::erfc(-z * kSqrtHalf); }

double normal_log_cdf(double z) {
  constexpr double kTail = -5.0;
  if (z > 0.0) return std::log1p(-normal_cdf(-z));
  if (z > kTail) return std::log(normal_cdf(z));
  return std::log(kDensityAtZero * mills_ratio(z)) - 0.5 * z * z;
}

double mills_ratio(double z) {
  constexpr double kFraction = -5.0;  // below, the continued fraction is exact with these terms
  constexpr int kTerms = 60;
  if (z > kFraction) return normal_cdf(z) / normal_density(z);
  // Laplace: 1 / (x + 1 / (x + 2 / (x + 3 / ...))), x = -z.
  double tail = -z;
  for (int k = kTerms; k >= 1; --k) tail = -z + k / tail;
  return 1.0 / tail;
}

double normal_quantile(double p) {
  if (!(p > 0.0 && p < 1.0)) throw std::domain_error("normal_quantile: p outside (0, 1)");
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2.0 * p);
}

}  // namespace gradpath::theory
