#include "models/stats/generalised.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <boost/math/tools/minima.hpp>

#include "models/stats/ks.hpp"
#include "models/stats/sum.hpp"
#include "models/theory/normal.hpp"

namespace gradpath {
namespace {

// Doubles throughout: long double would be ten times slower and no better here.
using Plain = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

constexpr double kLargeShape = 50.0;    // beyond it Stirling's series are exact to double
constexpr double kLognormalTau = 1e-6;  // nearer to 0 it is the lognormal

/// ln k - psi(k), without cancellation; falls from infinity to 0.
double log_less_digamma(double k) {
  if (k < kLargeShape) return std::log(k) - boost::math::digamma(k, Plain());
  const double r = 1.0 / (k * k);
  return 0.5 / k + r * (1.0 / 12.0 - r * (1.0 / 120.0 - r / 252.0));
}

/// The k at which log_less_digamma is s > 0 (Newton's steps from Minka's start, 2002).
double shape_of(double s) {
  double k = (3.0 - s + std::sqrt((s - 3.0) * (s - 3.0) + 24.0 * s)) / (12.0 * s);
  for (int step = 0; step < 8; ++step) {
    const double slope = k < kLargeShape
                             ? 1.0 / k - boost::math::trigamma(k, Plain())
                             : -(0.5 + (1.0 / 6.0 - 1.0 / (30.0 * k * k)) / k) / (k * k);
    // On the reciprocal, which is nearly linear in s.
    k = 1.0 / (1.0 / k - (log_less_digamma(k) - s) / (-slope * k * k));
  }
  return k;
}

/// ln Gamma(k) - [(k - 1/2) ln k - k + ln(2 pi) / 2].
double stirling_rest(double k) {
  if (k < kLargeShape) {
    return boost::math::lgamma(k, Plain()) -
           ((k - 0.5) * std::log(k) - k + 0.5 * std::log(2.0 * std::numbers::pi));
  }
  const double r = 1.0 / (k * k);
  return (1.0 / 12.0 - r * (1.0 / 360.0 - r / 1260.0)) / k;
}

/// Elements that share their top bits, in standard units d = (ln|x| - mean) / deviation.
struct Group {
  double weight;  ///< share of the elements
  double mean;
  double variance;
};

/// The likelihood with scale and gamma shape at their best for a given power.
class PowerProfile {
 public:
  explicit PowerProfile(std::vector<Group> groups) : groups_(std::move(groups)) {}

  /// ln of the mean of exp(tau d); the mean of d is 0. Positive.
  [[nodiscard]] double log_mean_power(double tau) const {
    double sum = 0.0;
    for (const Group& g : groups_) {
      const double grown = std::expm1(tau * g.mean);
      sum += g.weight * (grown - tau * g.mean + (1.0 + grown) * 0.5 * tau * tau * g.variance);
    }
    return std::log1p(sum);
  }

  /// Mean log-likelihood at power p = tau / deviation, but for constants.
  [[nodiscard]] double operator()(double tau) const {
    if (std::abs(tau) < kLognormalTau) return -0.5;
    const double s = log_mean_power(tau);
    const double k = shape_of(s);
    return std::log(std::abs(tau) * std::sqrt(k)) - stirling_rest(k) - k * s;
  }

 private:
  std::vector<Group> groups_;
};

/// The buckets of a tensor; standard: d of a magnitude.
template <class Standard>
std::vector<Group> grouped(const SortedMagnitudes& sorted, Standard standard) {
  const double n = static_cast<double>(sorted.counts().nonzeros());
  std::vector<Group> groups;
  sorted.visit_buckets([](const auto&) { return true; },
                       [&](const auto& bucket, const auto& runs) {
                         const auto count = static_cast<double>(bucket.count());
                         double sum = 0.0;
                         runs.for_each([&](const MagnitudeRun& run) {
                           sum += static_cast<double>(run.count()) * standard(run.magnitude);
                         });
                         const double mean = sum / count;
                         double squares = 0.0;
                         runs.for_each([&](const MagnitudeRun& run) {
                           const double d = standard(run.magnitude) - mean;
                           squares += static_cast<double>(run.count()) * d * d;
                         });
                         groups.push_back({count / n, mean, squares / count});
                       });
  return groups;
}

/// The tau with the largest likelihood: a grid, since there may be two maxima, then Brent's method.
double best_tau(const PowerProfile& profile) {
  constexpr double kLargest = 6.0;
  constexpr double kStep = 0.25;
  constexpr int kBits = 30;
  double best = 0.0;
  for (double tau = -kLargest; tau <= kLargest; tau += kStep) {
    if (profile(tau) > profile(best)) best = tau;
  }
  return boost::math::tools::brent_find_minima([&](double tau) { return -profile(tau); },
                                               best - kStep, best + kStep, kBits)
      .first;
}

}  // namespace

GeneralisedFit fit_generalised(const SortedMagnitudes& sorted) {
  GeneralisedFit fit;
  const TensorCounts& counts = sorted.counts();
  if (counts.nonzeros() == 0) return fit;
  const double n = static_cast<double>(counts.nonzeros());
  const auto log = [](float magnitude) { return std::log(double{magnitude}); };
  const bool one_magnitude = counts.abs_min == counts.abs_max;
  CompensatedSum sum;
  sorted.visit([&](const MagnitudeRun& run) {
    sum.add(static_cast<double>(run.count()) * log(run.magnitude));
  });
  const double mean = one_magnitude ? std::log(counts.abs_max) : sum.value() / n;
  CompensatedSum squares;
  sorted.visit([&](const MagnitudeRun& run) {
    const double d = log(run.magnitude) - mean;
    squares.add(static_cast<double>(run.count()) * d * d);
  });
  const double deviation = std::sqrt(squares.value() / n);
  fit.mu = mean;
  fit.sigma = deviation;
  if (one_magnitude) return fit;

  const auto standard = [&](float magnitude) { return (log(magnitude) - mean) / deviation; };
  const PowerProfile profile(grouped(sorted, standard));
  const double tau = best_tau(profile);
  fit.shape = 0.0;
  if (std::abs(tau) >= kLognormalTau) {
    const double s = profile.log_mean_power(tau);
    const double q = 1.0 / std::sqrt(shape_of(s));
    fit.shape = std::copysign(q, tau);
    fit.sigma = q * deviation / std::abs(tau);
    fit.mu = mean + s * deviation / tau;
  }
  const KsLaw law{.distance = &fit.ks, .cdf = [&](float magnitude) {
                    return generalised_cdf(fit, mean + deviation * standard(magnitude));
                  }};
  ks_distances(sorted, std::span(&law, 1));
  return fit;
}

double generalised_cdf(const GeneralisedFit& fit, double log_magnitude) {
  const double z = (log_magnitude - fit.mu) / fit.sigma;
  if (std::abs(fit.shape) < kLognormalTau) return theory::normal_cdf(z);
  const double k = 1.0 / (fit.shape * fit.shape);
  const double g = k * std::exp(fit.shape * z);
  if (!std::isfinite(g)) return fit.shape > 0.0 ? 1.0 : 0.0;
  return fit.shape > 0.0 ? boost::math::gamma_p(k, g, Plain())
                         : boost::math::gamma_q(k, g, Plain());
}

double generalised_log_density(const GeneralisedFit& fit, double log_magnitude) {
  const double z = (log_magnitude - fit.mu) / fit.sigma;
  const double q = fit.shape;
  if (std::abs(q) < kLognormalTau) {
    return std::exp(-0.5 * z * z) / (fit.sigma * std::sqrt(2.0 * std::numbers::pi));
  }
  // |q| / (sigma Gamma(k)) k^k exp(k (q z - exp(q z))), the powers of k by Stirling.
  const double k = 1.0 / (q * q);
  const double exponent = k * (q * z - std::expm1(q * z)) - stirling_rest(k);
  return std::exp(exponent) / (fit.sigma * std::sqrt(2.0 * std::numbers::pi));
}

}  // namespace gradpath
