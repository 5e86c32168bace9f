#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "models/stats/counts.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath {

/// Maximum likelihood parameters of the laws that are tested, of the finite nonzeros.
struct FittedLaws {
  static constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  double mean = kUndefined;              ///< normal: of x; undefined with one distinct x
  double deviation = kUndefined;         ///< normal: population standard deviation of x
  double median = kUndefined;            ///< Laplace
  double spread = kUndefined;            ///< Laplace: mean |x - median|
  double mean_magnitude = kUndefined;    ///< exponential: mean |x|
  double root_mean_square = kUndefined;  ///< half-normal
};

/// Lognormal fit and distribution tests of a tensor's finite nonzeros (n of them): maximum
/// likelihood, population moments. The KS distances are D = sup |ECDF - CDF|, on both sides of
/// every step, exact with ties, with the parameters estimated from the same data: a distance, not a
/// test of significance (critical values: Lilliefors).
///
/// What is not defined is NaN:
///   n = 0 (empty, all zeros, no finite value): everything but the counts
///   one distinct |x|: sigma is 0, expected_max is |x|; skewness, kurtosis, ks_lognormal are NaN
///   one distinct x: ks_normal and ks_laplace are NaN too (no spread);
///     ks_halfnormal and ks_exponential have their origin at 0 and are defined
/// Infinities and NaNs are counted and otherwise ignored; -0 is a zero.
struct TensorFit {
  static constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

  TensorCounts counts;
  double mu_ln = kUndefined;     ///< mean of ln|x|, nats
  double sigma_ln = kUndefined;  ///< standard deviation of ln|x|, nats
  double mu_log2 = kUndefined;   ///< the same in octaves
  double sigma_log2 = kUndefined;
  double skewness = kUndefined;         ///< of ln|x|: m3 / sigma^3
  double excess_kurtosis = kUndefined;  ///< of ln|x|: m4 / sigma^4 - 3
  double ks_lognormal = kUndefined;     ///< ln|x| against Normal(mu_ln, sigma_ln)
  double ks_normal = kUndefined;        ///< x against Normal(mean, std)
  double ks_laplace = kUndefined;       ///< x against Laplace(median, mean |x - median|)
  double ks_halfnormal = kUndefined;    ///< |x| against HalfNormal(0, root mean square)
  double ks_exponential = kUndefined;   ///< |x| against Exponential(0, mean |x|)
  FittedLaws laws;
  double expected_max = kUndefined;  ///< exp(mu + sigma sqrt(2 ln n)); infinity above double
};

/// exp(mu + sigma sqrt(2 ln n)): about the largest of n lognormal elements.
[[nodiscard]] double lognormal_expected_max(double mu_ln, double sigma_ln, std::uint64_t n);

/// The fit of a tensor already sorted. Same bits for any order of its elements; multiplying all
/// elements by a power of two (exactly) changes mu, abs_min, abs_max and expected_max alone.
[[nodiscard]] TensorFit fit_tensor(const SortedMagnitudes& sorted);
/// Sorts, then fits. UserError if there are 2^32 or more elements.
[[nodiscard]] TensorFit fit_tensor(std::span<const float> values);

}  // namespace gradpath
