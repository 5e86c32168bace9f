#include "models/synth/variates.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <boost/math/distributions/laplace.hpp>
#include <boost/math/distributions/normal.hpp>
#include <gtest/gtest.h>

#include "models/synth/elementary.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath::synth {
namespace {

using Kind = Distribution::Kind;

std::vector<float> made(const Distribution& d, std::uint64_t seed, std::size_t n,
                        std::uint64_t first = 0) {
  std::vector<float> values(n);
  fill(d, Seed{seed}, first, values);
  return values;
}

/// Kolmogorov-Smirnov: P(sqrt(n) D > 3.6) = 2 exp(-2 * 3.6^2) = 1.1e-11.
constexpr double kMostKs = 3.6;

double scaled_ks(std::vector<double> sample, const std::function<double(double)>& cdf) {
  std::ranges::sort(sample);
  const double n = static_cast<double>(sample.size());
  double d = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(sample[i]);
    d = std::max({d, static_cast<double>(i + 1) / n - f, f - static_cast<double>(i) / n});
  }
  return d * std::sqrt(n);
}

std::vector<double> wide(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

constexpr std::size_t kDraws = 300'000;

TEST(Elementary, ExponentialAndLogarithmEqualTheLibrarys) {
  for (double x = -699.9; x < 700; x += 0.37) {
    EXPECT_NEAR(exponential(x) / std::exp(x), 1.0, 2e-15) << x;
    const double y = std::exp(x);
    EXPECT_NEAR(logarithm(y), std::log(y), 3e-16 * std::max(1.0, std::abs(x))) << x;
  }
  for (double x = 0.5; x < 2; x += 1e-3) EXPECT_NEAR(logarithm(x), std::log(x), 3e-16) << x;
}

TEST(Elementary, NormalQuantileEqualsBoostInCentreAndTails) {
  const boost::math::normal normal;
  const auto expect_equal = [&](double tail) {
    const double z =
        tail < kSmallestCentralTail ? far_normal_quantile(tail) : central_normal_quantile(tail);
    const double expected = quantile(complement(normal, tail));
    EXPECT_NEAR(z, expected, 4e-15 * std::max(1.0, expected)) << tail;
  };
  for (double tail = 0.0005; tail <= 0.5; tail += 0.0005) expect_equal(tail);
  for (double tail = 0.3; tail > 1e-300; tail *= 0.7) expect_equal(tail);
}

// The laws by Kolmogorov and Smirnov: false alarm 1.1e-11 a comparison, 9 of them.
TEST(Variates, FollowTheirDistributionFunctions) {
  const std::uint64_t seed = test_seed(515);
  const boost::math::normal standard;
  const auto phi = [&](double z) { return cdf(standard, z); };

  const auto lognormal = made({Kind::lognormal, -9.0, 2.0}, seed, kDraws);
  std::vector<double> logs;
  for (const float x : lognormal) logs.push_back((std::log(std::abs(double{x})) + 9.0) / 2.0);
  EXPECT_LT(scaled_ks(logs, phi), kMostKs);

  const auto normal = made({Kind::normal, 0.25, 0.5}, seed, kDraws);
  EXPECT_LT(scaled_ks(wide(normal), [&](double x) { return phi((x - 0.25) / 0.5); }), kMostKs);

  const boost::math::laplace laplace(-1.0, 3.0 / std::sqrt(2.0));
  EXPECT_LT(scaled_ks(wide(made({Kind::laplace, -1.0, 3.0}, seed, kDraws)),
                      [&](double x) { return cdf(laplace, x); }),
            kMostKs);

  const auto rectified = made({Kind::rectified, 0.0, 2.0}, seed, kDraws);
  EXPECT_LT(scaled_ks(wide(rectified), [](double x) { return std::erf(x / 2.0 / std::sqrt(2.0)); }),
            kMostKs);
}

// n (mean of z^2) is chi-squared: 7 standard deviations, 3e-12 a side and comparison.
TEST(Variates, HaveTheMomentsAskedFor) {
  const std::uint64_t seed = test_seed(516);
  const auto x = made({Kind::normal, 3.0, 2.0}, seed, kDraws);
  double sum = 0, squares = 0, fourths = 0;
  for (const float v : x) {
    const double z = (double{v} - 3.0) / 2.0;
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
  }
  const double n = static_cast<double>(kDraws);
  EXPECT_NEAR(sum / n, 0.0, 7.0 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1.0, 7.0 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourths / n, 3.0, 7.0 * std::sqrt(96.0 / n));
}

// Binomial counts beyond +-4.5 and +-5: 6.8e-6 and 5.7e-7 of 2^25 elements, 228 and 19 expected;
// 8 standard deviations and more of a Poisson's skewed tail: below 1e-10.
TEST(Variates, TailsAreTrueFarOut) {
  const std::uint64_t seed = test_seed(517);
  std::uint64_t beyond_4_5 = 0;
  std::uint64_t beyond_5 = 0;
  std::vector<float> x(std::size_t{1} << 20);
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 25; first += x.size()) {
    fill({Kind::normal, 0.0, 1.0}, Seed{seed}, first, x);
    for (const float v : x) {
      beyond_4_5 += std::abs(v) > 4.5f ? 1u : 0u;
      beyond_5 += std::abs(v) > 5.0f ? 1u : 0u;
    }
  }
  EXPECT_NEAR(static_cast<double>(beyond_4_5), 228.0, 8 * std::sqrt(228.0));
  EXPECT_LT(beyond_5, 62u);
  EXPECT_GT(beyond_5, 0u);
}

// Binomial: 7 standard deviations, 3e-12 a comparison; signs and zeros, 8 of them.
TEST(Variates, SignsAreEvenAndZerosAsFrequentAsAskedFor) {
  const std::uint64_t seed = test_seed(518);
  const double n = static_cast<double>(kDraws);
  for (const double zeros : {0.0, 0.1, 0.5, 1.0}) {
    const auto x = made({Kind::lognormal, 0.0, 1.0, zeros}, seed, kDraws);
    const auto zero = static_cast<double>(std::ranges::count(x, 0.0f));
    EXPECT_NEAR(zero / n, zeros, 7 * std::sqrt(zeros * (1 - zeros) / n));
    const auto negative =
        static_cast<double>(std::ranges::count_if(x, [](float v) { return v < 0; }));
    EXPECT_NEAR(negative, (n - zero) / 2, 7 * std::sqrt((n - zero) / 4));
  }
}

// docs/numerics.md: a lognormal's sign is bit 8 of the third word.
TEST(Variates, ALognormalsSignIsTheBitThatThePageNames) {
  const Seed seed{test_seed(523)};
  std::vector<float> x(1000);
  fill({Kind::lognormal, 0.0, 1.0, 0.0}, seed, 0, x);
  const CounterRandom third(derive(seed, 2));
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(std::signbit(x[i]), (third.word(i) >> 8 & 1) != 0) << i;
  }
}

// The magnitude's rank correlation with its neighbour's, and with the sign: 1/sqrt(n) each.
TEST(Variates, NeighboursAndSignsAreUncorrelated) {
  const std::uint64_t seed = test_seed(519);
  const auto x = made({Kind::lognormal, 0.0, 1.0}, seed, kDraws);
  double neighbours = 0, signs = 0, sign_pairs = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double a = std::log(std::abs(x[i]));
    neighbours += a * std::log(std::abs(x[i + 1]));
    signs += x[i] < 0 ? -a : a;
    sign_pairs += (x[i] < 0) == (x[i + 1] < 0) ? 1 : -1;
  }
  const double bound = 7 * std::sqrt(static_cast<double>(kDraws));
  EXPECT_LT(std::abs(neighbours), bound);
  EXPECT_LT(std::abs(signs), bound);
  EXPECT_LT(std::abs(sign_pairs), bound);
}

TEST(Variates, AnElementDependsOnItsIndexAlone) {
  const Distribution d{Kind::lognormal, -9.0, 2.0, 0.3};
  const std::uint64_t start = (std::uint64_t{1} << 32) - 1500;  // across a change of the keys
  const auto whole = made(d, 7, 5000, start);
  for (const std::size_t first : {0u, 1u, 999u, 1024u, 1499u, 1500u, 1501u, 4999u}) {
    const auto piece = made(d, 7, 5000 - first, start + first);
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<long>(first)));
  }
  EXPECT_NE(made(d, 8, 100), made(d, 7, 100));
  EXPECT_NE(synthetic_seed(Seed{1}, "a"), synthetic_seed(Seed{1}, "b"));
}

TEST(Variates, BeyondFp32SaturatesAndNothingIsInfinite) {
  for (const float x : made({Kind::lognormal, 600.0, 1.0}, 1, 5000)) {
    EXPECT_EQ(std::abs(x), std::numeric_limits<float>::max());
  }
  for (const float x : made({Kind::lognormal, -600.0, 1.0}, 1, 5000)) EXPECT_EQ(x, 0.0f);
}

TEST(Variates, RefusesParametersOutOfRange) {
  for (const Distribution& d :
       {Distribution{Kind::normal, std::nan(""), 1.0}, Distribution{Kind::normal, 0.0, -1.0},
        Distribution{Kind::lognormal, 0.0, 11.0}, Distribution{Kind::lognormal, 601.0, 1.0},
        Distribution{Kind::normal, 0.0, 1.0, 1.1}, Distribution{Kind::normal, 0.0, 1.0, -0.1}}) {
    EXPECT_THROW(check(d), std::domain_error);
  }
}

}  // namespace
}  // namespace gradpath::synth
