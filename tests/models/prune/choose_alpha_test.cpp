#include "models/prune/choose_alpha.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// The expected sparsity if every bucket were spread evenly: each as 4,001 values, midpoint rule.
double sparsity_of_spread_buckets(const std::vector<float>& values, int mantissa_bits,
                                  double alpha) {
  constexpr int kPoints = 4001;
  std::map<double, std::pair<double, int>> buckets;  // lower end -> width, count
  double zeros = 0;
  for (const float x : values) {
    if (x == 0.0f) zeros += 1;
    if (x == 0.0f || !std::isfinite(x)) continue;
    const double a = std::fabs(static_cast<double>(x));
    const int exponent = a < 0x1p-126 ? -126 : std::ilogb(a);
    const double width = a < 0x1p-126 ? std::ldexp(1.0, -126 - mantissa_bits)
                                      : std::ldexp(1.0, exponent - mantissa_bits);
    auto& bucket = buckets[std::floor(a / width) * width];
    bucket.first = width;
    ++bucket.second;
  }
  for (const auto& [low, bucket] : buckets) {
    double sum = 0;
    for (int i = 0; i < kPoints; ++i) {
      const double x = low + bucket.first * (i + 0.5) / kPoints;
      sum += std::max(0.0, 1 - x / alpha);
    }
    zeros += bucket.second * sum / kPoints;
  }
  return zeros / static_cast<double>(values.size());
}

TEST(HistogramThreshold, SolvesTheSpreadBuckets) {
  const std::uint64_t seed = test_seed(91);
  std::vector<std::vector<float>> tensors = {
      lognormal_tensor(seed, 4000, -12.0, 2.0, 0.25), lognormal_tensor(seed, 4000, -90.0, 3.0),
      lognormal_tensor(seed, 4000, 0.0, 0.05), std::vector<float>{1.0f, -1.5f, 3.0f}};
  tensors[0].insert(tensors[0].end(), {kInf, std::nanf("")});
  for (const std::vector<float>& values : tensors) {
    MagnitudeTable table(values);
    for (const int bits : {0, 1, 2}) {
      for (const double target : {0.3, 0.5, 0.8, 0.9, 0.99}) {
        const float alpha = histogram_threshold(table, bits, target);
        EXPECT_NEAR(sparsity_of_spread_buckets(values, bits, alpha), target, 1e-6)
            << values.size() << " values, " << bits << " bits";
      }
    }
  }
}

// On smooth tensors more buckets miss less; the paper's data miss by up to .020, .0073, .0021.
TEST(HistogramThreshold, MissesLittle) {
  const std::vector<float> values = lognormal_tensor(test_seed(92), 100'000, -12.0, 1.5, 0.25);
  MagnitudeTable table(values);
  const double bounds[] = {0.03, 0.01, 0.003};
  for (const int bits : {0, 1, 2}) {
    for (const double target : {0.3, 0.5, 0.8, 0.9, 0.95}) {
      const float alpha = histogram_threshold(table, bits, target);
      EXPECT_NEAR(expected_sparsity(table, alpha), target, bounds[bits]);
    }
  }
}

TEST(HistogramThreshold, HasTheDegenerateCasesOfTheExactOne) {
  const auto solve = [](const std::vector<float>& values, double target) {
    MagnitudeTable table(values);
    return histogram_threshold(table, 1, target);
  };
  EXPECT_EQ(solve({}, 0.9), 0.0f);
  EXPECT_EQ(solve({0, 0, 1, 2}, 0.5), 0.0f);
  EXPECT_THROW((void)solve({1, 2}, 1.0), UserError);
  EXPECT_THROW((void)solve({1, kInf}, 0.5), UserError);
  EXPECT_THROW((void)solve({3e38f, 3e38f}, 0.5), UserError);
}

TEST(DrawSample, DrawsEveryElementEquallyOftenAndNoneTwice) {
  const std::uint64_t seed = test_seed(93);
  constexpr int kElements = 50;
  constexpr int kSize = 20;
  constexpr int kSeeds = 20'000;
  std::vector<float> values(kElements);
  std::iota(values.begin(), values.end(), 0.0f);
  std::vector<int> drawn(kElements);
  for (std::uint64_t s = 0; s < kSeeds; ++s) {
    const std::vector<float> sample = draw_sample(TensorSource(values), kSize, {seed + s});
    ASSERT_EQ(sample.size(), std::size_t{kSize});
    ASSERT_EQ(std::set<float>(sample.begin(), sample.end()).size(), std::size_t{kSize});
    for (const float x : sample) ++drawn[static_cast<std::size_t>(x)];
  }
  // Binomial(20,000, .4); 7 standard deviations, 50 comparisons: a false alarm below 2e-10.
  for (const int count : drawn) {
    EXPECT_NEAR(count, kSeeds * 0.4, 7 * std::sqrt(kSeeds * 0.4 * 0.6));
  }
  EXPECT_EQ(draw_sample(TensorSource(values), kElements, {seed}), values);
  EXPECT_EQ(draw_sample(TensorSource(values), 1000, {seed}), values);
}

TEST(ChooseAlpha, FromASampleIsTheSamplesExactThreshold) {
  const std::vector<float> values = lognormal_tensor(test_seed(94), 20'000, -12.0, 1.5, 0.25);
  PruneInput input(values);
  const PruneOptions options{.target_sparsity = 0.85, .seed = {7}};
  const std::vector<float> sample = draw_sample(TensorSource(values), 1024, {7});
  EXPECT_EQ(choose_alpha({AlphaRule::Kind::sample, 1024}, input, options),
            exact_threshold(SortedMagnitudes(sample), 0.85));
  EXPECT_EQ(choose_alpha({AlphaRule::Kind::sample, 20'000}, input, options),
            choose_alpha(AlphaRule::exact, input, options));
}

TEST(ChooseAlpha, SaysThatItIsTheSampleWhichCannotReachTheTarget) {
  std::vector<float> values(100, 1.0f);
  for (std::size_t i = 0; i < 30; ++i) values[i] = std::numeric_limits<float>::infinity();
  PruneInput input(values);
  PruneOptions options;
  options.target_sparsity = 0.65;  // of 70 that can go
  int refusals = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    options.seed = Seed{seed};
    try {
      static_cast<void>(choose_alpha(parse_alpha_rule("sample:10"), input, options));
    } catch (const UserError& error) {
      ++refusals;
      EXPECT_NE(std::string(error.what()).find("a sample of 10 elements"), std::string::npos);
    }
  }
  EXPECT_GT(refusals, 0);
  EXPECT_LT(refusals, 50);
}

TEST(ChooseAlpha, OfTheLastStepIsThatStepsAndOfTheFirstItsOwn) {
  const std::vector<float> values = {1, 2, 3, 4};
  PruneInput input(values);
  PruneOptions options{.target_sparsity = 0.5};
  EXPECT_EQ(choose_alpha(AlphaRule::last_step, input, options), 5.0f);
  options.last_alpha = 0.25f;
  EXPECT_EQ(choose_alpha(AlphaRule::last_step, input, options), 0.25f);
  options.target_sparsity = 1.0;
  EXPECT_THROW((void)choose_alpha(AlphaRule::last_step, input, options), UserError);
}

}  // namespace
}  // namespace gradpath
