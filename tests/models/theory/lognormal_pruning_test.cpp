#include "models/theory/lognormal_pruning.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/quadrature/gauss.hpp>
#include <gtest/gtest.h>

#include "models/theory/normal.hpp"

namespace gradpath::theory {
namespace {

constexpr std::array kSigmas = {0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 7.0, 20.0};
constexpr std::array kSparsities = {1e-12, 1e-6, 0.01, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-9};

/// Integral over [low, high] by 30-point Gauss in pieces of at most 1/2: what is integrated here
/// has widths of 1 and more in z, so this is good to the last digits. Beyond +-45 the normal
/// density is below 1e-400 of its peak.
template <class Function>
double integral(double low, double high, Function f) {
  if (low >= high) return 0.0;
  const int pieces = static_cast<int>(std::ceil((high - low) * 2));
  double sum = 0.0;
  for (int i = 0; i < pieces; ++i) {
    const double a = low + (high - low) * i / pieces;
    const double b = low + (high - low) * (i + 1) / pieces;
    sum += boost::math::quadrature::gauss<double, 30>::integrate(f, a, b);
  }
  return sum;
}

double density_of(double exponent) {
  return std::exp(exponent) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

/// E[1 - |x|/alpha; |x| < alpha] over z = (ln|x| - mu) / sigma.
double pruned_by_quadrature(double u, double sigma) {
  return integral(std::min(u, 0.0) - 45, std::min(u, 45.0),
                  [=](double z) { return -std::expm1(sigma * (z - u)) * density_of(-z * z / 2); });
}

double promoted_by_quadrature(double u, double sigma) {
  return integral(std::min(u, 0.0) - 45, std::min(u, sigma + 45.0),
                  [=](double z) { return density_of(sigma * (z - u) - z * z / 2); });
}

double kept_by_quadrature(double u, double sigma) {
  return integral(std::max(u, -45.0), std::max(u, 0.0) + 45,
                  [=](double z) { return density_of(-z * z / 2); }) +
         promoted_by_quadrature(u, sigma);
}

/// E[T^2] / E[x^2]: the promoted have alpha |x|, the rest x^2; E[x^2] = exp(2 sigma^2).
double energy_by_quadrature(double u, double sigma) {
  const double promoted = integral(std::min(u, 0.0) - 45, std::min(u, sigma + 45.0), [=](double z) {
    return density_of(sigma * (u + z) - 2 * sigma * sigma - z * z / 2);
  });
  const double passed =
      integral(std::max(u, 2 * sigma - 45), std::max(u, 2 * sigma) + 45,
               [=](double z) { return density_of(-(z - 2 * sigma) * (z - 2 * sigma) / 2); });
  return promoted + passed;
}

void expect_relative(double actual, double expected, double tolerance) {
  EXPECT_NEAR(actual, expected, tolerance * std::fabs(expected));
}

TEST(Normal, QuantileEqualsBoost) {
  const boost::math::normal normal;
  for (const double p : {1e-300, 1e-30, 1e-9, 0.02, 0.3, 0.5, 0.6, 0.975, 1 - 1e-12}) {
    const double expected = quantile(normal, p);
    EXPECT_NEAR(normal_quantile(p), expected, 1e-12 * std::max(1.0, std::fabs(expected))) << p;
  }
  for (const double p : {0.0, 1.0, -0.1, std::nan("")}) {
    EXPECT_THROW((void)normal_quantile(p), std::domain_error);
  }
}

TEST(Normal, MillsRatioEqualsItsIntegral) {
  // Phi(-x) / density(x) = integral over t > 0 of exp(-x t - t^2 / 2).
  for (const double x : {0.0, 0.5, 3.0, 4.99, 5.01, 10.0, 100.0}) {
    const double expected =
        integral(0.0, 1.0, [=](double t) { return std::exp(-x * t - t * t / 2); }) +
        integral(1.0, 45.0, [=](double t) { return std::exp(-x * t - t * t / 2); });
    expect_relative(mills_ratio(-x), expected, x > 50 ? 1e-10 : 1e-13);
  }
}

TEST(LognormalPruning, FractionsEqualTheirIntegrals) {
  for (const double sigma : kSigmas) {
    for (const double u : {-20.0, -6.0, -3.0, -1.0, -0.1, 0.0, 0.4, 1.0, 2.5, 6.0, 19.0, 45.0}) {
      SCOPED_TRACE(testing::Message() << "sigma " << sigma << " u " << u);
      expect_relative(pruned_fraction(u, sigma), pruned_by_quadrature(u, sigma), 1e-11);
      expect_relative(promoted_fraction(u, sigma), promoted_by_quadrature(u, sigma), 1e-11);
      expect_relative(kept_fraction(u, sigma), kept_by_quadrature(u, sigma), 1e-11);
    }
  }
}

TEST(LognormalPruning, ThresholdHasTheSparsityAskedForByQuadrature) {
  for (const double sigma : kSigmas) {
    for (const double sparsity : kSparsities) {
      SCOPED_TRACE(testing::Message() << "sigma " << sigma << " S " << sparsity);
      const double u = standard_threshold(sparsity, sigma);
      if (sparsity <= 0.5) {
        expect_relative(pruned_by_quadrature(u, sigma), sparsity, 1e-10);
      } else {
        expect_relative(kept_by_quadrature(u, sigma), 1 - sparsity, 1e-10);
      }
    }
  }
}

TEST(LognormalPruning, ThresholdHasThePublishedCheckValues) {
  constexpr std::array sparsities = {0.5, 0.8, 0.85, 0.9, 0.95};
  constexpr std::array one = {0.876, 2.057, 2.369, 2.792, 3.494};
  constexpr std::array two = {0.473, 1.416, 1.642, 1.932, 2.376};
  for (std::size_t i = 0; i < sparsities.size(); ++i) {
    EXPECT_NEAR(standard_threshold(sparsities[i], 1.0), one[i], 6e-4);
    EXPECT_NEAR(standard_threshold(sparsities[i], 2.0), two[i], 6e-4);
  }
}

TEST(LognormalPruning, ThresholdGrowsWithTheSparsity) {
  for (const double sigma : kSigmas) {
    double last = -1e300;
    for (int i = 1; i < 400; ++i) {
      const double u = standard_threshold(i / 400.0, sigma);
      EXPECT_GT(u, last) << sigma << " " << i;
      last = u;
    }
  }
}

TEST(LognormalPruning, NarrowDistributionsTendToThatOfOneMagnitude) {
  // All |x| = 1: S = 1 - 1 / alpha, so alpha = exp(sigma u) -> 1 / (1 - S).
  for (const double sparsity : {0.2, 0.5, 0.9, 0.999}) {
    expect_relative(std::exp(1e-5 * standard_threshold(sparsity, 1e-5)), 1 / (1 - sparsity), 1e-4);
  }
}

TEST(LognormalPruning, CosineEqualsItsIntegral) {
  for (const double sigma : kSigmas) {
    for (const double u : {-6.0, -1.0, 0.0, 1.0, 2.5, 6.0, 19.0, 45.0}) {
      SCOPED_TRACE(testing::Message() << "sigma " << sigma << " u " << u);
      expect_relative(pruning_cosine(u, sigma), 1 / std::sqrt(energy_by_quadrature(u, sigma)),
                      1e-11);
    }
  }
}

TEST(LognormalPruning, TopkCosineEqualsItsIntegralAndIsTheLarger) {
  const boost::math::normal normal;
  for (const double sigma : {0.1, 0.5, 1.0, 2.0}) {
    for (const double sparsity : {0.1, 0.5, 0.9, 0.99}) {
      const double cut = quantile(normal, sparsity);
      const double kept = integral(std::max(cut, 2 * sigma - 45), 2 * sigma + 45, [=](double z) {
        return density_of(-(z - 2 * sigma) * (z - 2 * sigma) / 2);
      });
      expect_relative(topk_cosine(sparsity, sigma), std::sqrt(kept), 1e-12);
      EXPECT_GT(topk_cosine(sparsity, sigma),
                pruning_cosine(standard_threshold(sparsity, sigma), sigma));
    }
  }
}

TEST(LognormalPruning, RefusesWhatHasNoThreshold) {
  for (const double sparsity : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_THROW((void)standard_threshold(sparsity, 1.0), std::domain_error);
  }
  for (const double sigma : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW((void)standard_threshold(0.5, sigma), std::domain_error);
  }
}

}  // namespace
}  // namespace gradpath::theory
