#include "models/theory/split_error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <gtest/gtest.h>

#include "models/theory/best_split.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath::theory {
namespace {

/// The positive codes of a split in units of the median, by the definition.
std::vector<double> codes_of(Split split) {
  const int range = 1 << (split.exponent_bits - 1);
  std::vector<double> codes;
  for (int e = -range; e < range; ++e) {
    for (int k = 0; k < 1 << split.mantissa_bits; ++k) {
      codes.push_back(std::ldexp(1.0 + std::ldexp(k, -split.mantissa_bits), e));
    }
  }
  return codes;
}

/// |q - x| / x with q the result of the cast of x > 0.
double relative_error(const std::vector<double>& codes, double x) {
  if (x < codes.front()) return 1.0;
  const auto above = std::ranges::lower_bound(codes, x);
  if (above == codes.end()) return 1.0 - codes.back() / x;
  const double up = *above - x;
  const double down = above == codes.begin() ? up : x - above[-1];
  return std::min(up, down) / x;
}

/// Adaptive quadrature of the definition over z, between the points where it bends.
double error_by_quadrature(double sigma_log2, Split split) {
  using Rule = boost::math::quadrature::gauss_kronrod<double, 31>;
  const double sigma = sigma_log2 * std::numbers::ln2;
  const std::vector<double> codes = codes_of(split);
  std::vector<double> bends{-std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (i > 0) bends.push_back(std::log(0.5 * (codes[i - 1] + codes[i])) / sigma);
    bends.push_back(std::log(codes[i]) / sigma);
  }
  for (int z = -12; z <= 12; ++z) bends.push_back(z);
  bends.push_back(std::numeric_limits<double>::infinity());
  std::ranges::sort(bends);
  const auto f = [&](double z) {
    return relative_error(codes, std::exp(sigma * z)) * std::exp(-0.5 * z * z) *
           std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  };
  double sum = 0.0;
  for (std::size_t i = 1; i < bends.size(); ++i) {
    if (bends[i - 1] < bends[i]) sum += Rule::integrate(f, bends[i - 1], bends[i], 2, 1e-9);
  }
  return sum;
}

constexpr std::array kSplits = {Split{1, 0}, Split{1, 6}, Split{2, 1}, Split{3, 0},
                                Split{4, 3}, Split{5, 2}, Split{2, 9}};

TEST(SplitError, ExactSumEqualsTheIntegralOfTheDefinition) {
  for (const Split split : kSplits) {
    for (const double sigma_log2 : {0.2, 1.0, 3.0, 9.0}) {
      const double expected = error_by_quadrature(sigma_log2, split);
      EXPECT_NEAR(split_error_exact(sigma_log2, split), expected, 1e-10 * expected)
          << "e" << split.exponent_bits << "m" << split.mantissa_bits << " " << sigma_log2;
    }
  }
}

TEST(SplitError, ExactSumEqualsASimulation) {
  // 4 standard errors and false alarms below 1e-9 do not go together: 6.5 do, one comparison in
  // 1e10, times 3. The relative error lies in [0, 1], so a mean of 200,000 is normal enough.
  std::mt19937_64 random(test_seed(2006));
  std::normal_distribution<double> normal;
  constexpr int kDraws = 200'000;
  for (const auto& [split, sigma_log2] :
       {std::pair{Split{4, 3}, 2.5}, std::pair{Split{2, 1}, 1.0}, std::pair{Split{3, 0}, 4.0}}) {
    const std::vector<double> codes = codes_of(split);
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const double error = relative_error(codes, std::exp2(sigma_log2 * normal(random)));
      sum += error;
      squares += error * error;
    }
    const double mean = sum / kDraws;
    const double standard_error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    EXPECT_NEAR(split_error_exact(sigma_log2, split), mean, 6.5 * standard_error);
  }
}

TEST(SplitError, SmoothFormIsNearTheExactSumAsPublished) {
  // Within 8 % at 0 and 1 mantissa bits, 2.4 % at 3 and 1.1 % at 4, where the range is wide enough.
  for (const double sigma_log2 : {1.5, 2.5, 3.5}) {
    for (const auto& [mantissa_bits, within] :
         {std::pair{0, 0.08}, std::pair{1, 0.08}, std::pair{3, 0.024}, std::pair{4, 0.011}}) {
      const Split split{4, mantissa_bits};
      const double exact = split_error_exact(sigma_log2, split);
      EXPECT_NEAR(split_error_smooth(sigma_log2, split), exact, within * exact) << mantissa_bits;
    }
  }
}

TEST(SplitError, PowersOfTwoAloneHaveTheConstantByHand) {
  // Over one binade of codes 1 and 2, log-uniform: [(ln 1.5 + 2/3 - 1) + (-1 + 4/3 - ln 2 +
  // ln 1.5)] / ln 2 = 0.16993.
  const double ln_half_more = std::log(1.5);
  const double by_hand =
      ((ln_half_more + 2.0 / 3.0 - 1.0) + (-1.0 + 4.0 / 3.0 - std::log(2.0) + ln_half_more)) /
      std::log(2.0);
  EXPECT_NEAR(split_error_exact(15.0, {8, 0}), by_hand, 1e-12);
}

TEST(SplitError, RefusesWhatIsNoSplit) {
  for (const Split split : {Split{0, 3}, Split{9, 3}, Split{4, -1}, Split{4, 24}}) {
    EXPECT_THROW((void)split_error_exact(1.0, split), std::domain_error);
    EXPECT_THROW((void)split_error_smooth(1.0, split), std::domain_error);
  }
  for (const double sigma : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW((void)split_error_exact(sigma, {4, 3}), std::domain_error);
  }
}

TEST(BestSplit, ChangesWherePublished) {
  // docs/theory.md: exact sums by another program (numpy, differences of partial moments), two
  // digits.
  const std::vector<std::vector<double>> published = {{.56, 1.30},
                                                      {.49, 1.10, 2.54},
                                                      {.43, .96, 2.16, 4.96},
                                                      {.39, .85, 1.88, 4.22, 9.7},
                                                      {.36, .77, 1.68, 3.69, 8.27}};
  for (std::size_t i = 0; i < published.size(); ++i) {
    const std::vector<Crossing> found = split_crossings(static_cast<int>(i) + 4);
    ASSERT_GE(found.size(), published[i].size());
    for (std::size_t k = 0; k < published[i].size(); ++k) {
      EXPECT_EQ(found[k].from_exponent_bits, static_cast<int>(k) + 1);
      EXPECT_EQ(found[k].to_exponent_bits, static_cast<int>(k) + 2);
      EXPECT_NEAR(found[k].sigma_log2, published[i][k], k == 4 ? 0.05 : 0.0051) << i + 4;
    }
  }
}

TEST(BestSplit, IsTheSmallestByQuadratureOnBothSidesOfACrossing) {
  for (const Crossing& crossing : split_crossings(6)) {
    const Split from{crossing.from_exponent_bits, 5 - crossing.from_exponent_bits};
    const Split to{crossing.to_exponent_bits, 5 - crossing.to_exponent_bits};
    EXPECT_EQ(best_split(crossing.sigma_log2 * 0.999, 6).split, from);
    EXPECT_EQ(best_split(crossing.sigma_log2 * 1.001, 6).split, to);
    EXPECT_NEAR(error_by_quadrature(crossing.sigma_log2, from),
                error_by_quadrature(crossing.sigma_log2, to), 1e-9);
  }
}

}  // namespace
}  // namespace gradpath::theory
