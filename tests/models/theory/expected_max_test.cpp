#include "models/theory/expected_max.hpp"

#include <array>
#include <cmath>
#include <random>
#include <stdexcept>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <gtest/gtest.h>

#include "tests/models/random_tensor.hpp"

namespace gradpath::theory {
namespace {

/// E[M] = int P(M > y) dy, in the form int sigma exp(sigma z) (1 - Phi(z)^n) dz: another integrand
/// than the one under test.
double by_survival(double sigma, double n) {
  const boost::math::normal normal;
  const double high = sigma + std::sqrt(2 * std::log(n)) + 11;
  const auto f = [&](double z) {
    return sigma * std::exp(sigma * z) * -std::expm1(n * std::log1p(-cdf(complement(normal, z))));
  };
  double sum = std::exp(-8 * sigma);  // below z = -8 the maximum exceeds for sure, to 1e-15
  for (double z = -8; z < high; z += 1) {
    sum += boost::math::quadrature::gauss_kronrod<double, 31>::integrate(f, z, z + 1, 10, 1e-13);
  }
  return sum;
}

TEST(ExpectedMax, EqualsTheIntegralOfTheSurvivalFunction) {
  for (const double sigma : {0.01, 0.5, 1.0, 3.0, 8.0}) {
    for (const double n : {2.0, 10.0, 1e3, 1e6, 1e9, 1e12}) {
      const double expected = by_survival(sigma, n);
      EXPECT_NEAR(expected_max(sigma, n), expected, 1e-10 * expected) << sigma << " " << n;
    }
  }
}

TEST(ExpectedMax, OfOneIsTheMeanAndWithoutSpreadIsOne) {
  for (const double sigma : {0.1, 1.0, 5.0, 30.0}) {
    const double mean = std::exp(0.5 * sigma * sigma);
    EXPECT_NEAR(expected_max(sigma, 1), mean, 1e-11 * mean);
  }
  for (const double n : {1.0, 1e12, 1e18}) EXPECT_NEAR(expected_max(0.0, n), 1.0, 1e-12);
}

TEST(ExpectedMax, EqualsASimulationOfTheMaximum) {
  // The maximum's quantile: ln M = sigma Phi^-1(U^(1/n)). 6.5 standard errors: 8e-11 a comparison.
  std::mt19937_64 random(test_seed(2006));
  const boost::math::normal normal;
  constexpr int kDraws = 40'000;
  for (const auto& [sigma, n] : {std::pair{0.7, 1e12}, std::pair{1.0, 50.0}}) {
    std::uniform_real_distribution<double> uniform(1e-300, 1.0);
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      // 1 - U^(1/n), without cancellation.
      const double tail = -std::expm1(std::log(uniform(random)) / n);
      const double m = std::exp(sigma * quantile(complement(normal, tail)));
      sum += m;
      squares += m * m;
    }
    const double mean = sum / kDraws;
    const double standard_error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    EXPECT_NEAR(expected_max(sigma, n), mean, 6.5 * standard_error);
  }
}

TEST(ExpectedMax, BoundExceedsItByTheFactorsPublished) {
  // 1.2 times at sigma = 0.5 to 2.3 at 3, for a tensor's sizes.
  EXPECT_NEAR(expected_max_bound(0.5, 1e5) / expected_max(0.5, 1e5), 1.2, 0.05);
  EXPECT_NEAR(expected_max_bound(3.0, 1e6) / expected_max(3.0, 1e6), 2.3, 0.6);
}

TEST(ExpectedMax, RefusesFewerThanOneElementAndNegativeSpread) {
  for (const double n : {0.0, 0.5, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW((void)expected_max(1.0, n), std::domain_error);
    EXPECT_THROW((void)expected_max_bound(1.0, n), std::domain_error);
  }
  for (const double sigma : {-0.1, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW((void)expected_max(sigma, 5.0), std::domain_error);
  }
}

}  // namespace
}  // namespace gradpath::theory
