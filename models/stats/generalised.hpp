#pragma once

#include <limits>

#include "models/stats/sorted.hpp"

namespace gradpath {

/// The generalised gamma distribution of |x| (Stacy 1962) in Prentice's parameters (1974), fitted
/// to a tensor's finite nonzeros by maximum likelihood:
///   ln|x| = mu + sigma W,  W = ln(q^2 G) / q,  G of the gamma distribution with shape 1 / q^2.
/// q = 0 is the lognormal, q = 1 Weibull's (with sigma = 1 the exponential: the magnitudes of a
/// Laplace), q = sqrt 2, sigma = 1/sqrt 2 the half-normal, q = sigma the gamma; q < 0 has a heavy
/// upper tail. NaN where not defined: no finite nonzero (all), one distinct |x| (shape and ks;
/// sigma is 0). Shapes beyond |q| of about 5 are cut off there.
struct GeneralisedFit {
  double mu = std::numeric_limits<double>::quiet_NaN();
  double sigma = std::numeric_limits<double>::quiet_NaN();
  double shape = std::numeric_limits<double>::quiet_NaN();  ///< q
  double ks = std::numeric_limits<double>::quiet_NaN();     ///< D of |x| against it, as in fit.hpp
};

/// The same bits for any order of the tensor's elements. Elements that share their top 16 bits
/// enter the likelihood by their number, mean and variance (of ln|x|): that moves an estimate by
/// less than 1e-6; ks is exact.
[[nodiscard]] GeneralisedFit fit_generalised(const SortedMagnitudes& sorted);

/// Its distribution function at ln|x| = log_magnitude.
[[nodiscard]] double generalised_cdf(const GeneralisedFit& fit, double log_magnitude);
/// Its density per unit of ln|x|.
[[nodiscard]] double generalised_log_density(const GeneralisedFit& fit, double log_magnitude);

}  // namespace gradpath
