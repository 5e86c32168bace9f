#include "models/prune/threshold.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float exact(const std::vector<float>& values, double target) {
  return exact_threshold(SortedMagnitudes(values), target);
}

/// The contract's sum, element by element, in long double.
double sparsity_by_definition(const std::vector<float>& values, double alpha) {
  long double zeros = 0;
  for (const float x : values) {
    const long double magnitude = std::fabs(static_cast<long double>(x));
    if (x == 0.0f) zeros += 1;
    if (magnitude > 0 && magnitude <= alpha) zeros += 1 - magnitude / alpha;
  }
  return static_cast<double>(zeros / static_cast<long double>(values.size()));
}

TEST(ExactThreshold, OfSmallTensorsIsThatByHand) {
  // 2 - 3 / alpha = 1 at 3, the next magnitude; 4 - 10 / alpha = 2 at 5, above all of them.
  EXPECT_EQ(exact({4, -2, 3, 1}, 0.25), 3.0f);
  EXPECT_EQ(exact({4, -2, 3, 1}, 0.5), 5.0f);
  // Between two: 1 - 1 / alpha = .4 at 5/3.
  EXPECT_EQ(exact({1, 2, 3, 4}, 0.1), 5.0f / 3.0f);
  // Two zeros of six elements: half of them is one more zero.
  EXPECT_EQ(exact({0, -0.0f, 1, 2, 3, 4}, 0.5), 3.0f);
  // Ties: 4 - 4 / alpha = 2.
  EXPECT_EQ(exact({1, 1, -1, 1}, 0.5), 2.0f);
  // An infinity counts in numel alone: 4 - 10 / alpha = 2 of 5.
  EXPECT_EQ(exact({1, 2, kInf, 3, 4}, 0.4), 5.0f);
}

TEST(ExactThreshold, IsZeroWhereNothingIsToBeDone) {
  EXPECT_EQ(exact({}, 0.9), 0.0f);
  EXPECT_EQ(exact({1, 2}, 0.0), 0.0f);
  EXPECT_EQ(exact({0, 0, 1, 2}, 0.5), 0.0f);
  EXPECT_EQ(exact({0, 0, 0}, 0.99), 0.0f);
  EXPECT_EQ(exact({kNan}, 0.0), 0.0f);
  std::vector<float> seven_in_hundred(100, 1.0f);  // .07 * 100 is above 7 in double
  for (std::size_t i = 0; i < 7; ++i) seven_in_hundred[i] = 0.0f;
  EXPECT_EQ(exact(seven_in_hundred, 0.07), 0.0f);
}

TEST(ExactThreshold, MeetsTheTargetOnRandomTensors) {
  const std::uint64_t seed = test_seed(31);
  for (const double sigma : {0.01, 1.0, 3.0, 8.0}) {
    std::vector<float> values = lognormal_tensor(seed, 20'000, -12.0, sigma, 0.2);
    values.insert(values.end(), {kInf, kNan, -kInf});
    const SortedMagnitudes sorted(values);
    float last = 0.0f;
    for (const double target : {0.21, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999}) {
      const float alpha = exact_threshold(sorted, target);
      EXPECT_GT(alpha, last) << "not monotone at " << target;
      last = alpha;
      // d S / d ln alpha <= 1: fp32's rounding of alpha moves it by at most 2^-24.
      EXPECT_NEAR(sparsity_by_definition(values, alpha), target, 0x1p-24 + 1e-12);
      EXPECT_NEAR(expected_sparsity(sorted, alpha), sparsity_by_definition(values, alpha), 1e-14);
    }
  }
}

TEST(ExactThreshold, ScalesWithTheTensor) {
  std::vector<float> values = lognormal_tensor(test_seed(32), 5'000, -12.0, 1.5, 0.2);
  const float alpha = exact(values, 0.85);
  for (float& x : values) x = std::ldexp(x, 20);
  EXPECT_EQ(exact(values, 0.85), std::ldexp(alpha, 20));
}

TEST(ExactThreshold, RefusesWhatCannotBeReached) {
  EXPECT_THROW((void)exact({1, 2}, 1.0), UserError);
  EXPECT_THROW((void)exact({1, 2}, -0.1), UserError);
  EXPECT_THROW((void)exact({1, 2}, std::nan("")), UserError);
  EXPECT_THROW((void)exact({}, 1.0), UserError);
  EXPECT_THROW((void)exact({3e38f, 3e38f}, 0.5), UserError);
  EXPECT_THROW((void)exact({0, kNan}, 0.6), UserError);
  try {
    (void)exact({1, 2, 3, kNan}, 0.75);
    FAIL() << "a target at its limit was accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("less than 0.75"), std::string::npos) << error.what();
  }
}

TEST(ExpectedSparsity, CountsZerosAndNothingElseAtAlphaZero) {
  const std::vector<float> values = {0, -0.0f, 1, kNan};
  EXPECT_EQ(expected_sparsity(SortedMagnitudes(values), 0.0), 0.5);
  EXPECT_TRUE(std::isnan(expected_sparsity(SortedMagnitudes(std::span<const float>()), 1.0)));
}

TEST(LognormalThreshold, ReachesTheTargetOnLognormalTensors) {
  const std::uint64_t seed = test_seed(33);
  const std::vector<float> values = lognormal_tensor(seed, 400'000, -12.0, 1.5, 0.3);
  const SortedMagnitudes sorted(values);
  const TensorFit fit = fit_tensor(sorted);
  for (const double target : {0.35, 0.5, 0.8, 0.9, 0.95}) {
    const float alpha = lognormal_threshold(fit, target);
    // The sample's own deviation: below 4 / sqrt(n) for an average of values in [0, 1].
    EXPECT_NEAR(expected_sparsity(sorted, alpha), target, 4.0 / std::sqrt(400'000.0));
  }
}

TEST(LognormalThreshold, AimsAtTheRestAmongTheNonzeros) {
  // mu = 0, sigma = 1 by construction: ln|x| = +-1. Half zeros, .75 of all is .5 of the nonzeros,
  // whose u is .876 (facts of the paper's closed form, to 3 digits).
  const float e = std::exp(1.0f);
  const TensorFit fit = fit_tensor(std::vector<float>{e, 1 / e, 0, 0});
  EXPECT_NEAR(std::log(lognormal_threshold(fit, 0.75)), 0.876, 1e-3);
}

TEST(LognormalThreshold, OfOneMagnitudeIsExact) {
  const TensorFit fit = fit_tensor(std::vector<float>{3, -3, 3, 0});
  // (.75 - .25) / (1 - .25) = 2/3 of the nonzeros: 3 / (1 - 2/3).
  EXPECT_FLOAT_EQ(lognormal_threshold(fit, 0.75), 9.0f);
}

TEST(LognormalThreshold, HasTheDegenerateCasesOfTheExactOne) {
  EXPECT_EQ(lognormal_threshold(fit_tensor(std::vector<float>{}), 0.9), 0.0f);
  EXPECT_EQ(lognormal_threshold(fit_tensor(std::vector<float>{0, 0, 1, 2}), 0.5), 0.0f);
  EXPECT_EQ(lognormal_threshold(fit_tensor(std::vector<float>{1, 2}), 0.0), 0.0f);
  EXPECT_THROW((void)lognormal_threshold(fit_tensor(std::vector<float>{1, 2}), 1.0), UserError);
  EXPECT_THROW((void)lognormal_threshold(fit_tensor(std::vector<float>{0, kNan}), 0.6), UserError);
  EXPECT_THROW((void)lognormal_threshold(fit_tensor(std::vector<float>{1e38f, 3e38f}), 0.99),
               UserError);
}

}  // namespace
}  // namespace gradpath
