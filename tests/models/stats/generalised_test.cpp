#include "models/stats/generalised.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <boost/math/distributions/gamma.hpp>
#include <gtest/gtest.h>

#include "models/stats/fit.hpp"
#include "models/stats/lilliefors.hpp"
#include "models/stats/stand_in.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kDraws = 100'000;

std::vector<float> drawn(std::uint64_t seed, std::size_t n,
                         const std::function<double(std::mt19937_64&)>& magnitude) {
  std::mt19937_64 random(seed);
  std::vector<float> values(n);
  for (float& x : values) {
    const double m = magnitude(random);
    x = static_cast<float>(random() % 2 == 0 ? m : -m);
  }
  return values;
}

GeneralisedFit fitted(const std::vector<float>& values) {
  return fit_generalised(SortedMagnitudes(values));
}

/// Stacy's density of |x|: p x^(d-1) exp(-(x/a)^p) / (a^d Gamma(d/p)), as log-likelihood a value.
double stacy_log_likelihood(const std::vector<float>& values, double mu, double sigma, double q) {
  const double k = 1.0 / (q * q);
  const double p = q / sigma;
  const double log_a = mu - std::log(k) / p;
  double sum = 0.0;
  for (const float v : values) {
    const double log_ratio = std::log(std::fabs(double{v})) - log_a;
    sum += std::log(std::fabs(p)) + k * p * log_ratio - std::exp(p * log_ratio) - std::lgamma(k) -
           std::log(std::fabs(double{v}));
  }
  return sum / static_cast<double>(values.size());
}

// The estimates' standard errors at n = 100,000 are below 0.012 for q and 0.006 for the others
// (from 200 repetitions): 0.09 and 0.045 are more than 7 of them, 3e-12 a comparison.
void expect_parameters(const GeneralisedFit& fit, double mu, double sigma, double q) {
  EXPECT_NEAR(fit.mu, mu, 0.045);
  EXPECT_NEAR(fit.sigma, sigma, 0.045);
  EXPECT_NEAR(fit.shape, q, 0.09);
  EXPECT_LT(fit.ks * std::sqrt(double{kDraws}), 3.6);  // 2 exp(-2 3.6^2) = 1e-11
}

TEST(Generalised, FindsTheLawsItContains) {
  const std::uint64_t seed = test_seed(1962);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::weibull_distribution<double> weibull(2.5, 3.0);
  std::gamma_distribution<double> gamma(4.0, 1.0);
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return std::exp(1.5 * normal(r)); })),
                    0.0, 1.5, 0.0);
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return exponential(r); })), 0.0, 1.0,
                    1.0);
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return std::fabs(normal(r)); })), 0.0,
                    std::sqrt(0.5), std::sqrt(2.0));
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return weibull(r); })), std::log(3.0),
                    0.4, 1.0);
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return gamma(r); })), std::log(4.0),
                    0.5, 0.5);
  // The reciprocal turns the shape round.
  expect_parameters(fitted(drawn(seed, kDraws, [&](auto& r) { return 1.0 / exponential(r); })), 0.0,
                    1.0, -1.0);
}

TEST(Generalised, IsWhereStacysLikelihoodIsLargest) {
  const std::uint64_t seed = test_seed(1963);
  std::normal_distribution<double> normal;
  for (const double power : {0.7, 2.0, -1.3}) {
    const auto values =
        drawn(seed, 3000, [&](auto& r) { return std::pow(std::fabs(normal(r)) + 0.02, power); });
    const GeneralisedFit fit = fitted(values);
    const double best = stacy_log_likelihood(values, fit.mu, fit.sigma, fit.shape);
    for (const double step : {-0.01, 0.01}) {
      EXPECT_GT(best,
                stacy_log_likelihood(values, fit.mu + step * fit.sigma, fit.sigma, fit.shape));
      EXPECT_GT(best, stacy_log_likelihood(values, fit.mu, fit.sigma * (1 + step), fit.shape));
      EXPECT_GT(best, stacy_log_likelihood(values, fit.mu, fit.sigma, fit.shape * (1 + step)));
    }
  }
}

TEST(Generalised, DistributionEqualsBoostsGammaAndIsTheIntegralOfItsDensity) {
  for (const double q : {0.3, 1.0, 2.5, -0.7}) {
    const GeneralisedFit fit{.mu = -3.0, .sigma = 1.7, .shape = q, .ks = 0.0};
    const boost::math::gamma_distribution<double> gamma(1 / (q * q), q * q);
    for (double z = -4; z < 3; z += 0.5) {
      const double g = std::exp(q * z);
      const double expected = q > 0 ? cdf(gamma, g) : cdf(complement(gamma, g));
      const double log_x = fit.mu + fit.sigma * z;
      EXPECT_NEAR(generalised_cdf(fit, log_x), expected, 1e-13) << q << " " << z;
      const double slope =
          (generalised_cdf(fit, log_x + 1e-4) - generalised_cdf(fit, log_x - 1e-4)) / 2e-4;
      EXPECT_NEAR(generalised_log_density(fit, log_x), slope, 1e-7);
    }
  }
}

TEST(Generalised, NarrowShapesTendToTheLognormal) {
  const GeneralisedFit lognormal{.mu = 0.0, .sigma = 1.0, .shape = 0.0, .ks = 0.0};
  for (const double q : {1e-3, -1e-3, 1e-5}) {
    const GeneralisedFit fit{.mu = 0.0, .sigma = 1.0, .shape = q, .ks = 0.0};
    for (double z = -3; z <= 3; z += 0.5) {
      EXPECT_NEAR(generalised_cdf(fit, z), generalised_cdf(lognormal, z), std::fabs(q));
      EXPECT_NEAR(generalised_log_density(fit, z), generalised_log_density(lognormal, z),
                  std::fabs(q));
    }
  }
}

TEST(Generalised, DegenerateTensorsHaveDefinedResults) {
  EXPECT_TRUE(std::isnan(fitted({}).mu));
  EXPECT_TRUE(std::isnan(fitted({0.0f, -0.0f, HUGE_VALF}).sigma));
  const GeneralisedFit one = fitted({0.5f, -0.5f, 0.0f});
  EXPECT_EQ(one.sigma, 0.0);
  EXPECT_NEAR(one.mu, std::log(0.5), 1e-15);
  EXPECT_TRUE(std::isnan(one.shape) && std::isnan(one.ks));
  for (const std::vector<float>& two :
       {std::vector{1.0f, 2.0f}, std::vector{1e-40f, 3e38f}, std::vector{1.0f, 1.0000001f}}) {
    const GeneralisedFit fit = fitted(two);
    EXPECT_TRUE(std::isfinite(fit.mu) && std::isfinite(fit.sigma) && std::isfinite(fit.shape));
    EXPECT_TRUE(fit.ks >= 0.0 && fit.ks <= 1.0);
  }
}

// If the law is true, its p-value is below p with probability p: binomial with 2,000 repetitions,
// 6.5 standard deviations and the table's few percent; 8e-11 a comparison, 12 of them.
TEST(Lilliefors, PValuesAreUniformUnderTheLaw) {
  const std::uint64_t seed = test_seed(1967);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  constexpr int kRepetitions = 2000;
  struct Case {
    std::function<double(std::mt19937_64&)> magnitude;
    double TensorFit::*distance;
    TestedLaw law;
    std::size_t n;
  };
  const std::vector<Case> cases = {
      {[&](auto& r) { return std::exp(2 * normal(r)); }, &TensorFit::ks_lognormal,
       TestedLaw::normal, 50},
      {[&](auto& r) { return std::fabs(normal(r)); }, &TensorFit::ks_normal, TestedLaw::normal,
       300},
      {[&](auto& r) { return exponential(r); }, &TensorFit::ks_laplace, TestedLaw::laplace, 40},
      {[&](auto& r) { return std::fabs(normal(r)); }, &TensorFit::ks_halfnormal,
       TestedLaw::halfnormal, 200},
      {[&](auto& r) { return exponential(r); }, &TensorFit::ks_exponential, TestedLaw::exponential,
       25}};
  for (std::size_t c = 0; c < cases.size(); ++c) {
    std::vector<double> p_values;
    for (int i = 0; i < kRepetitions; ++i) {
      const auto values =
          drawn(seed + 10'000 * c + static_cast<std::uint64_t>(i), cases[c].n, cases[c].magnitude);
      p_values.push_back(lilliefors_p_value(cases[c].law, fit_tensor(values).*cases[c].distance,
                                            static_cast<double>(cases[c].n)));
    }
    for (const double p : {0.05, 0.3, 0.8}) {
      const auto below =
          static_cast<double>(std::ranges::count_if(p_values, [&](double v) { return v < p; }));
      EXPECT_NEAR(below / kRepetitions, p, 6.5 * std::sqrt(p * (1 - p) / kRepetitions) + 0.03 * p)
          << c;
    }
  }
}

// Stephens (1974), Table 1A: modified statistics for the normal and the exponential, of which the
// printed points are good to about 1 % of D, so 15 % of p.
TEST(Lilliefors, AgreesWithThePublishedCriticalValues) {
  for (const double n : {20.0, 50.0, 100.0}) {
    const double root = std::sqrt(n);
    for (const auto& [p, normal, exponential] :
         {std::tuple{0.10, 0.819, 0.990}, std::tuple{0.05, 0.895, 1.094},
          std::tuple{0.01, 1.035, 1.308}}) {
      EXPECT_NEAR(lilliefors_p_value(TestedLaw::normal, normal / (root - 0.01 + 0.85 / root), n), p,
                  0.16 * p);
      EXPECT_NEAR(lilliefors_p_value(TestedLaw::exponential,
                                     exponential / (root + 0.26 + 0.5 / root) + 0.2 / n, n),
                  p, 0.16 * p);
    }
  }
}

TEST(Lilliefors, FallsWithTheDistanceWithoutStepsAndIsUndefinedForFewValues) {
  for (const double n : {10.0, 137.0, 1e4, 1e9}) {
    double last = 1.0;
    for (double k = 0.0; k < 6.0; k += 0.01) {
      const double p = lilliefors_p_value(TestedLaw::laplace, k / std::sqrt(n), n);
      EXPECT_LE(p, last);
      EXPECT_GT(p, k < 2.0 ? 0.7 * last : 0.0);
      last = p;
    }
    EXPECT_LT(last, 1e-15);
  }
  EXPECT_TRUE(std::isnan(lilliefors_p_value(TestedLaw::normal, 0.1, 9)));
  EXPECT_TRUE(std::isnan(lilliefors_p_value(TestedLaw::normal, std::nan(""), 100)));
}

TEST(StandIn, KeepsCountsBySignAndBucketAndSpreadsThem) {
  // Two in [1, 2), one negative in [2, 4); zeros and what is not finite are left out.
  const std::vector<float> values = {1.0f, 1.9f, -3.0f, 0.0f, HUGE_VALF, NAN};
  auto spread = histogram_stand_in(TensorSource(values), 0);
  std::ranges::sort(spread);
  EXPECT_EQ(spread, (std::vector<float>{-3.0f, 1.25f, 1.75f}));
  spread = histogram_stand_in(TensorSource(values), 1);
  std::ranges::sort(spread);
  EXPECT_EQ(spread, (std::vector<float>{-3.5f, 1.25f, 1.75f}));
  const std::vector<float> extremes = {1e-45f, 3.4e38f};
  EXPECT_EQ(histogram_stand_in(TensorSource(extremes), 0).size(), 2u);
  EXPECT_THROW((void)histogram_stand_in(TensorSource(values), 8), std::invalid_argument);
}

TEST(MagnitudeQuantile, IsLinearBetweenOrderStatistics) {
  const std::vector<float> values = {4.0f, -1.0f, 2.0f, 2.0f, 0.0f};
  const SortedMagnitudes sorted(values);
  EXPECT_EQ(magnitude_quantile(sorted, 0.0), 1.0);
  EXPECT_EQ(magnitude_quantile(sorted, 0.5), 2.0);
  EXPECT_DOUBLE_EQ(magnitude_quantile(sorted, 0.9), 2.0 + 0.7 * 2.0);
  EXPECT_EQ(magnitude_quantile(sorted, 1.0), 4.0);
  EXPECT_TRUE(std::isnan(magnitude_quantile(SortedMagnitudes(std::span(values).last(1)), 0.5)));
}

}  // namespace
}  // namespace gradpath
