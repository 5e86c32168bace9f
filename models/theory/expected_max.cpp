#include "models/theory/expected_max.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/theory/normal.hpp"
#include "models/theory/root.hpp"

namespace gradpath::theory {
namespace {

void check(double sigma, double n) {
  if (!(sigma >= 0.0 && std::isfinite(sigma))) {
    throw std::domain_error("expected_max: sigma is negative or not finite");
  }
  if (!(n >= 1.0 && std::isfinite(n))) throw std::domain_error("expected_max: n below 1");
}

}  // namespace

double expected_max(double sigma, double n) {
  check(sigma, n);
  // In logarithms the integrand is (n-1) ln Phi(z) + sigma z - z^2/2: concave, so it has one peak.
  const double peak = increasing_root([=](double z) {
    const double hazard = 1.0 / mills_ratio(z);  // density / Phi
    return ValueAndSlope{z - sigma - (n - 1.0) * hazard, 1.0 + (n - 1.0) * hazard * (hazard + z)};
  });
  const auto exponent = [=](double z) {
    return (n - 1.0) * normal_log_cdf(z) + (sigma - 0.5 * peak - 0.5 * z) * (z - peak);
  };
  // The trapezoid rule on the whole line converges faster than any power of the step for such a
  // function (analytic around the line); for n = 1e18 the peak is 0.1 wide.
  constexpr double kStep = 1.0 / 64.0;
  constexpr double kNegligible = 45.0;
  const double height = exponent(peak);
  double sum = 1.0;
  for (const double direction : {-1.0, 1.0}) {
    for (double k = 1.0;; k += 1.0) {
      const double below_peak = exponent(peak + direction * k * kStep) - height;
      if (below_peak < -kNegligible) break;
      sum += std::exp(below_peak);
    }
  }
  // n density(peak) exp(sigma peak) Phi(peak)^(n-1), in logarithms.
  const double log_scale = std::log(n) + height + (sigma - 0.5 * peak) * peak;
  return std::exp(log_scale + std::log(sum * kStep * normal_density(0.0)));
}

double expected_max_bound(double sigma, double n) {
  check(sigma, n);
  return std::exp(sigma * std::sqrt(2.0 * std::log(n)));
}

}  // namespace gradpath::theory
