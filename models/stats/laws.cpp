#include "models/stats/laws.hpp"

#include <array>
#include <cmath>
#include <numbers>

namespace gradpath {
namespace {

double normal_density(double z) {
  return std::exp(-0.5 * z * z) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

double lognormal(const TensorFit& fit, double log_x) {
  return normal_density((log_x - fit.mu_ln) / fit.sigma_ln) / fit.sigma_ln;
}

// The density of ln|x| from that of |x|, or from that of x by adding both signs.
template <double (*density)(const FittedLaws& laws, double x), bool has_signs>
double of_logarithm(const TensorFit& fit, double log_x) {
  const double x = std::exp(log_x);
  return x * (has_signs ? density(fit.laws, x) + density(fit.laws, -x) : density(fit.laws, x));
}

double normal(const FittedLaws& laws, double x) {
  return normal_density((x - laws.mean) / laws.deviation) / laws.deviation;
}
double laplace(const FittedLaws& laws, double x) {
  return 0.5 / laws.spread * std::exp(-std::abs(x - laws.median) / laws.spread);
}
double halfnormal(const FittedLaws& laws, double x) {
  return 2.0 * normal_density(x / laws.root_mean_square) / laws.root_mean_square;
}
double exponential(const FittedLaws& laws, double x) {
  return std::exp(-x / laws.mean_magnitude) / laws.mean_magnitude;
}

constexpr std::array<Law, 5> kLaws = {{
    {"lognormal", &TensorFit::ks_lognormal, TestedLaw::normal, lognormal},
    {"normal", &TensorFit::ks_normal, TestedLaw::normal, of_logarithm<normal, true>},
    {"laplace", &TensorFit::ks_laplace, TestedLaw::laplace, of_logarithm<laplace, true>},
    {"halfnormal", &TensorFit::ks_halfnormal, TestedLaw::halfnormal,
     of_logarithm<halfnormal, false>},
    {"exponential", &TensorFit::ks_exponential, TestedLaw::exponential,
     of_logarithm<exponential, false>},
}};

}  // namespace

std::span<const Law> fitted_laws() { return kLaws; }

}  // namespace gradpath
