// What all policies have in common, each held to it; then what each one is, against its definition.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <boost/math/distributions/normal.hpp>
#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/prune/policy.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();

struct Pruned {
  PruneResult result;
  std::vector<float> values;
};

Pruned prune(const std::string& policy, const std::vector<float>& in, double target,
             std::uint64_t seed = 1, TensorContext context = {.kind = TensorKind::weight}) {
  PruneInput input(in, context);
  Pruned pruned{.result = {}, .values = std::vector<float>(in.size(), 77.0f)};
  const PruneOptions options{.target_sparsity = target, .seed = {seed}};
  pruned.result = prune_tensor(*parse_prune_policy(policy), input, options, pruned.values);
  return pruned;
}

bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

struct PolicyCase {
  std::string name;
  bool unbiased;     ///< E[output] is the input
  bool hits_target;  ///< predicted_sparsity is the target on a dense tensor without ties
  bool independent;  ///< elements are drawn independently
};
void PrintTo(const PolicyCase& policy, std::ostream* out) { *out << policy.name; }

const std::array kPolicies = {
    PolicyCase{"stochastic", true, true, true},
    PolicyCase{"stochastic:lognormal", true, false, true},
    PolicyCase{"stochastic:histogram:0", true, false, true},
    PolicyCase{"stochastic:histogram:1", true, false, true},
    PolicyCase{"stochastic:histogram:2", true, false, true},
    PolicyCase{"stochastic:sample:512", true, false, true},
    PolicyCase{"stochastic:last-step", true, true, true},
    PolicyCase{"topk", false, true, false},
    PolicyCase{"topk:example", false, true, false},
    PolicyCase{"ye", true, false, true},
    PolicyCase{"swat", false, true, false},
    PolicyCase{"dithered", true, true, true},
    PolicyCase{"dithered:2", true, false, true},
    PolicyCase{"hard", false, true, false},
    PolicyCase{"hard:0.00001", false, false, false},
    PolicyCase{"random", true, true, true},
    PolicyCase{"nm:1:2", true, false, false},
    PolicyCase{"nm:2:4", true, false, false},
    PolicyCase{"nm:3:8", true, false, false},
};

class EveryPolicy : public testing::TestWithParam<PolicyCase> {};

TEST_P(EveryPolicy, OfAnEmptyTensorIsUndefined) {
  const PruneResult r = prune(GetParam().name, {}, 0.5).result;
  for (const double field : {r.predicted_sparsity, r.reached_sparsity, r.cosine, r.mse, r.bias}) {
    EXPECT_TRUE(std::isnan(field));
  }
}

TEST_P(EveryPolicy, LeavesZerosZero) {
  const auto [r, out] = prune(GetParam().name, {0.0f, -0.0f, 0.0f, -0.0f, 0.0f}, 0.5);
  for (const float x : out) EXPECT_EQ(x, 0.0f);
  EXPECT_EQ(r.predicted_sparsity, 1.0);
  EXPECT_EQ(r.reached_sparsity, 1.0);
  EXPECT_EQ(r.mse, 0.0);
  EXPECT_TRUE(std::isnan(r.cosine));
  EXPECT_TRUE(std::isnan(r.bias));
}

TEST_P(EveryPolicy, OfOneElementGivesASaneResult) {
  const auto [r, out] = prune(GetParam().name, {-3.0f}, 0.5);
  EXPECT_LE(out[0], 0.0f);
  EXPECT_TRUE(std::isfinite(out[0]));
  EXPECT_GE(r.predicted_sparsity, 0.0);
  EXPECT_LE(r.predicted_sparsity, 1.0);
}

TEST_P(EveryPolicy, PassesInfinitiesAndNans) {
  std::vector<float> in = lognormal_tensor(test_seed(61), 999, -9.0, 1.5, 0.1);
  const float signalling = std::bit_cast<float>(0xff80beefu);
  const std::map<std::size_t, float> odd = {{0, kInf},    {17, kNan},        {18, -kInf},
                                            {500, -kNan}, {501, signalling}, {998, kInf}};
  for (const auto& [i, x] : odd) in[i] = x;
  TensorContext context{.examples = 3, .kind = TensorKind::input};
  const auto [r, out] = prune(GetParam().name, in, 0.7, 9, context);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (odd.contains(i)) {
      EXPECT_TRUE(same_bits(out[i], in[i])) << i;
    } else {
      EXPECT_TRUE(std::isfinite(out[i])) << i;
    }
  }
  EXPECT_NEAR(r.reached_sparsity, r.predicted_sparsity, 0.1);
  EXPECT_FALSE(std::isnan(r.cosine));
}

TEST_P(EveryPolicy, MakesOfPiecesWhatItMakesOfTheWhole) {
  std::vector<float> in = lognormal_tensor(test_seed(59), 24'000, -9.0, 1.5, 0.1);
  for (std::size_t i = 0; i < in.size(); i += 7) in[i] = in[0];  // ties, of which some have to go
  in[5] = kInf;
  const TensorContext context{.examples = 3, .kind = TensorKind::input};
  const std::vector<float> whole = prune(GetParam().name, in, 0.7, 4, context).values;
  const auto policy = parse_prune_policy(GetParam().name);
  PruneInput input(in, context);
  const PruneOptions options{.target_sparsity = 0.7, .seed = {4}};
  const PrunePlan plan = policy->plan(input, options);
  std::vector<float> pieces(in.size());
  for (std::size_t first = 0; first < in.size();) {
    const std::size_t size = std::min<std::size_t>(101 * plan.granule, in.size() - first);
    policy->apply(plan, options, first, std::span(in).subspan(first, size),
                  std::span(pieces).subspan(first, size));
    first += size;
  }
  EXPECT_TRUE(std::ranges::equal(pieces, whole, same_bits));
}

TEST_P(EveryPolicy, KeepsSignsAndWritesPositiveZeros) {
  const std::vector<float> in = lognormal_tensor(test_seed(62), 5000, -9.0, 2.0, 0.2);
  const auto [r, out] = prune(GetParam().name, in, 0.8);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (out[i] != 0.0f) {
      ASSERT_EQ(std::signbit(out[i]), std::signbit(in[i])) << i;
    } else if (in[i] != 0.0f) {
      ASSERT_FALSE(std::signbit(out[i])) << i;
    }
    if (in[i] == 0.0f) {
      ASSERT_EQ(out[i], 0.0f) << i;
    }
  }
}

TEST_P(EveryPolicy, StaysFiniteAtTheTopOfFp32) {
  std::vector<float> in(64, kMax);
  for (std::size_t i = 0; i < in.size(); i += 3) in[i] = -0.75f * kMax;
  for (std::size_t i = 0; i < in.size(); i += 8) in[i] = 1e-30f;
  try {
    const auto [r, out] = prune(GetParam().name, in, 0.1);
    for (const float x : out) EXPECT_TRUE(std::isfinite(x)) << x;
  } catch (const UserError& error) {  // a threshold above the largest fp32 is refused, by name
    EXPECT_NE(std::string(error.what()).find("above the largest fp32"), std::string::npos);
  }
}

// A histogram has all of them in one bucket or few, so it misses the target by far.
TEST_P(EveryPolicy, TakesSubnormals) {
  std::vector<float> in(400);
  for (std::size_t i = 0; i < in.size(); ++i) {
    in[i] = std::bit_cast<float>(static_cast<std::uint32_t>(1 + i * 7919 % 40'000));
  }
  const auto [r, out] = prune(GetParam().name, in, 0.5);
  EXPECT_GE(r.reached_sparsity, 0.0);
  EXPECT_NEAR(r.reached_sparsity, r.predicted_sparsity, 0.2);  // 8 standard deviations of 400 coins
  if (r.reached_sparsity < 1) {
    EXPECT_TRUE(r.cosine > 0.05 && r.cosine <= 1.0 + 1e-12) << r.cosine;
  }
}

class PolicyThatMindsZeros : public EveryPolicy {};

TEST_P(PolicyThatMindsZeros, LeavesATensorAloneWhoseZerosSuffice) {
  const std::vector<float> in = {0, -0.0f, 0, 1, 0, 0, 0, -2};
  const auto [r, out] = prune(GetParam().name, in, 0.75);
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_TRUE(same_bits(out[i], in[i])) << i;
  EXPECT_EQ(r.alpha, 0.0f);
  EXPECT_EQ(r.predicted_sparsity, 0.75);
  EXPECT_EQ(r.mse, 0.0);
  EXPECT_EQ(r.bias, 0.0);
}

TEST_P(EveryPolicy, DependsOnTheSeedIfItIsRandom) {
  const std::vector<float> in = lognormal_tensor(test_seed(63), 4000, 0.0, 1.0);
  const auto policy = parse_prune_policy(GetParam().name);
  EXPECT_EQ(prune(GetParam().name, in, 0.8, 5).values, prune(GetParam().name, in, 0.8, 5).values);
  EXPECT_EQ(policy->is_random(),
            prune(GetParam().name, in, 0.8, 5).values != prune(GetParam().name, in, 0.8, 6).values);
  if (!policy->is_random()) {
    EXPECT_EQ(prune(GetParam().name, in, 0.8).result.bias_error, 0.0);
  }
}

class PolicyWithATarget : public EveryPolicy {};

TEST_P(PolicyWithATarget, RefusesTargetsThatAreNone) {
  for (const double target : {1.0, -0.1, std::nan("")}) {
    EXPECT_THROW((void)prune(GetParam().name, {1, 2, 3}, target), UserError);
  }
}

// 6.5 standard errors: a false alarm below 1e-10 each, 19 policies, 4 targets.
TEST_P(EveryPolicy, ReachesWhatItPredicts) {
  const std::uint64_t seed = test_seed(64);
  for (const double target : {0.0, 0.35, 0.8, 0.97}) {
    const std::vector<float> in = lognormal_tensor(seed, 40'000, -9.0, 1.7, 0.2);
    const auto [r, out] = prune(GetParam().name, in, target, seed);
    const double n = static_cast<double>(in.size());
    // The variance of a count of independent zeros is at most n / 4.
    const double error = GetParam().independent ? 6.5 * std::sqrt(0.25 / n) : 0.0;
    EXPECT_NEAR(r.reached_sparsity, r.predicted_sparsity, error) << target;
    if (GetParam().hits_target && target > 0.2) {
      EXPECT_NEAR(r.predicted_sparsity, target, 1.0 / n) << target;
    }
  }
}

// The mean over many seeds of each element, weighed with random signs so that errors of single
// elements cannot cancel. 6.5 standard errors, from the sample itself over 400 seeds; the draws of
// one tensor are many, so each seed's sum is near normal. False alarm below 1e-9 a policy.
TEST_P(EveryPolicy, IsUnbiasedIfItSaysSo) {
  const std::uint64_t seed = test_seed(65);
  constexpr int kSeeds = 400;
  const std::vector<float> in = lognormal_tensor(seed, 2000, -9.0, 1.2, 0.1);
  std::mt19937_64 random(seed);
  std::vector<double> weights(in.size());
  for (double& w : weights) w = random() % 2 == 0 ? 1.0 : -1.0;
  const auto policy = parse_prune_policy(GetParam().name);
  PruneInput input(in, {.kind = TensorKind::weight});
  // Random weights, and the elements' signs, from which a shrinking policy cannot hide.
  struct Sums {
    double sum = 0;
    double squares = 0;
  };
  std::array<Sums, 2> sums;
  for (int s = 0; s < kSeeds; ++s) {
    std::vector<float> out(in.size());
    const PruneOptions options{.target_sparsity = 0.8,
                               .seed = {seed + static_cast<std::uint64_t>(s)}};
    static_cast<void>(prune_tensor(*policy, input, options, out));
    std::array<double, 2> difference = {};
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double change = static_cast<double>(out[i]) - in[i];
      difference[0] += weights[i] * change;
      difference[1] += std::copysign(1.0, in[i]) * change;
    }
    for (std::size_t k = 0; k < 2; ++k) {
      sums[k].sum += difference[k];
      sums[k].squares += difference[k] * difference[k];
    }
  }
  double scale = 0;  // outputs are rounded to fp32
  for (const float x : in) scale += std::fabs(x);
  for (std::size_t k = 0; k < 2; ++k) {
    const double mean = sums[k].sum / kSeeds;
    const double variance = std::max(0.0, sums[k].squares / kSeeds - mean * mean);
    const double bound = 6.5 * std::sqrt(variance / (kSeeds - 1)) + 0x1p-23 * scale;
    if (GetParam().unbiased) {
      EXPECT_LT(std::fabs(mean), bound);
    } else if (k == 1) {
      EXPECT_LT(mean, -bound);
    }
  }
}

std::string test_name(const testing::TestParamInfo<PolicyCase>& test) {
  std::string name = test.param.name;
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy, testing::ValuesIn(kPolicies), test_name);

std::vector<PolicyCase> with_a_target(const std::string& but = "") {
  std::vector<PolicyCase> chosen;
  std::ranges::copy_if(kPolicies, std::back_inserter(chosen), [&](const PolicyCase& policy) {
    return parse_prune_policy(policy.name)->takes_target() && policy.name != but;
  });
  return chosen;
}
INSTANTIATE_TEST_SUITE_P(Policies, PolicyWithATarget, testing::ValuesIn(with_a_target()),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Policies, PolicyThatMindsZeros, testing::ValuesIn(with_a_target("ye")),
                         test_name);

// ---------------------------------------------------------------------------------------------

TEST(TopK, KeepsWhatASortKeeps) {
  const std::uint64_t seed = test_seed(66);
  std::mt19937_64 random(seed);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<float> in(1 + random() % 60);
    for (float& x : in) x = static_cast<float>(static_cast<int>(random() % 11) - 5);  // many ties
    const double target = static_cast<double>(random() % 100) / 100.0;
    // The most zeros whose fraction is not above the target.
    std::size_t zeros = 0;
    while (zeros + 1 <= in.size() &&
           static_cast<double>(zeros + 1) / static_cast<double>(in.size()) <= target) {
      ++zeros;
    }
    std::vector<std::size_t> order(in.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return std::fabs(in[a]) > std::fabs(in[b]); });
    std::vector<float> expected(in.size(), 0.0f);
    for (std::size_t i = 0; i < in.size() - zeros; ++i) expected[order[i]] = in[order[i]];
    EXPECT_EQ(prune("topk", in, target).values, expected) << target;
  }
}

TEST(TopK, WorksOnEachExampleByItself) {
  const std::vector<float> in = {1, 2, 3, 4, 50, 60, 70, 80, 0, 0, 0, 9};
  const auto [r, out] = prune("topk:example", in, 0.5, 1, {.examples = 3});
  EXPECT_EQ(out, (std::vector<float>{0, 0, 3, 4, 0, 0, 70, 80, 0, 0, 0, 9}));
  EXPECT_EQ(r.predicted_sparsity, 7.0 / 12);
  EXPECT_TRUE(std::isnan(r.alpha));
  EXPECT_EQ(prune("topk", in, 0.5, 1, {.examples = 3}).values,
            (std::vector<float>{0, 0, 0, 4, 50, 60, 70, 80, 0, 0, 0, 9}));
}

TEST(TopK, CountsFractionsAsWritten) {  // .29 * 100 is below 29 in double
  std::vector<float> in(100);
  std::iota(in.begin(), in.end(), 1.0f);
  EXPECT_EQ(prune("topk", in, 0.29).result.reached_sparsity, 0.29);
  EXPECT_EQ(prune("topk", in, 0.29).result.alpha, 30.0f);
  EXPECT_EQ(prune("hard", in, 0.29).result.reached_sparsity, 0.29);
}

TEST(TopK, PrunesNoInfinityToReachATarget) {
  EXPECT_THROW((void)prune("topk", {1, kInf, kInf, kNan}, 0.5), UserError);
  // An example with fewer numbers than it should lose keeps its infinities.
  const std::vector<float> in = {kInf, kInf, -kInf, 1, 2, 3, 4, 5};
  EXPECT_EQ(prune("topk:example", in, 0.6, 1, {.examples = 2}).values,
            (std::vector<float>{kInf, kInf, -kInf, 0, 0, 0, 4, 5}));
}

TEST(Swat, IsTopKOnWeightsAndInputsAndNothingElse) {
  const std::vector<float> in = lognormal_tensor(test_seed(67), 1000, 0, 1);
  for (const TensorKind kind : {TensorKind::weight, TensorKind::input}) {
    EXPECT_EQ(prune("swat", in, 0.7, 1, {.kind = kind}).values, prune("topk", in, 0.7).values);
  }
  for (const TensorKind kind : {TensorKind::gradient, TensorKind::other}) {
    const auto [r, out] = prune("swat", in, 0.7, 1, {.kind = kind});
    EXPECT_EQ(out, in);
    EXPECT_EQ(r.predicted_sparsity, 0.0);
  }
}

TEST(Hard, CutsBelowItsThresholdAndKeepsTies) {
  const std::vector<float> in = {-1, 2, -2, 0, 3, 2, -0.0f, 4};
  EXPECT_EQ(prune("hard:2", in, 0).values, (std::vector<float>{0, 2, -2, 0, 3, 2, 0, 4}));
  // Half of 8 would be 4 zeros: 0, 0, 1 and one of the three twos; the twos stay together.
  const auto [r, out] = prune("hard", in, 0.5);
  EXPECT_EQ(r.alpha, 2.0f);
  EXPECT_EQ(r.reached_sparsity, 0.375);
  EXPECT_EQ(prune("hard", in, 0.75).result.alpha, 3.0f);
  EXPECT_EQ(prune("hard", in, 0.75).result.reached_sparsity, 0.75);
}

// sqrt(pi / 2) mean|g| Phi^-1((1 + p) / 2), with Boost's quantile.
TEST(Ye, HasThePapersThreshold) {
  const std::vector<float> in = {1, -2, 3, 0, -4, 2, kInf, kNan};
  for (const double p : {0.1, 0.5, 0.9, 0.999}) {
    const double z = boost::math::quantile(boost::math::normal(), (1 + p) / 2);
    const double mean = 2.0;  // of the six finite ones
    EXPECT_NEAR(prune("ye", in, p).result.alpha / (z * std::sqrt(M_PI / 2) * mean), 1.0, 1e-7);
  }
  EXPECT_EQ(prune("ye", in, 0.0).result.alpha, 0.0f);
}

// A Gaussian at p = .9 comes to .540, lognormals of sigma 1, 1.5, 2 to .604, .700, .786. The bounds
// are at least 7 standard errors of the mean magnitude, which decides (1.2 % at sigma 2).
TEST(Ye, ReachesThePublishedSparsities) {
  const std::uint64_t seed = test_seed(68);
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> gaussian(400'000);
  for (float& x : gaussian) x = normal(random);
  EXPECT_NEAR(prune("ye", gaussian, 0.9).result.predicted_sparsity, 0.540, 0.01);
  const std::map<double, double> lognormals = {{1.0, 0.604}, {1.5, 0.700}, {2.0, 0.786}};
  for (const auto& [sigma, sparsity] : lognormals) {
    const auto in = lognormal_tensor(seed, 400'000, -3.0, sigma);
    EXPECT_NEAR(prune("ye", in, 0.9).result.predicted_sparsity, sparsity, 0.02) << sigma;
  }
}

TEST(Dithered, HasTheZerosOfStochasticPruningAndMultiplesElsewhere) {
  const std::vector<float> in = lognormal_tensor(test_seed(69), 20'000, -9.0, 2.0, 0.1);
  const Pruned dithered = prune("dithered", in, 0.8);
  const Pruned stochastic = prune("stochastic", in, 0.8);
  const double step = dithered.result.alpha;
  EXPECT_EQ(dithered.result.alpha, stochastic.result.alpha);
  EXPECT_EQ(dithered.result.predicted_sparsity, stochastic.result.predicted_sparsity);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (std::fabs(in[i]) < step) {
      ASSERT_EQ(dithered.values[i], stochastic.values[i]);
    }
    const double multiple = dithered.values[i] / step;
    const double rounding = 0x1p-23 * std::fabs(multiple);
    ASSERT_NEAR(multiple, std::nearbyint(multiple), rounding + 1e-12);
    ASSERT_LT(std::fabs(multiple - in[i] / step), 1 + rounding) << in[i];
  }
}

// Enumerated over the word's top 4 bits: with R = 4 and D = 2 (a power of two), the mean over the
// 16 words is g rounded to a multiple of D / 16.
TEST(Dithered, IsUnbiasedByEnumeration) {
  // Two values with the standard deviation 1: k = 2 makes D = 2.
  const std::vector<float> in = {2.625f + 1, 2.625f - 1};
  const auto policy = parse_prune_policy("dithered:2");
  PruneInput input(in);
  EXPECT_EQ(policy->plan(input, {}).alpha, 2.0f);
  std::map<float, int> seen;
  double sum = 0;
  constexpr int kSeeds = 20'000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::vector<float> out(2);
    const PruneOptions options{.random_bits = 4, .seed = {seed}};
    policy->apply(policy->plan(input, options), options, 0, in, out);
    ++seen[out[0]];
    sum += out[0];
  }
  // 3.625 = 1.8125 D: 13 of 16 words give 2 D, 3 give D. 6.5 standard errors of 20,000 draws.
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(sum / kSeeds, 3.625, 6.5 * 2 * std::sqrt(13.0 * 3 / 256 / kSeeds));
  EXPECT_TRUE(seen.contains(2.0f) && seen.contains(4.0f));
}

TEST(Dithered, HasThePublishedZeros) {  // sigma 1, k = 1 / 2 / 4: .538 / .726 / .852
  // The standard deviation of a million such is good to .4 %, their zeros to .0012.
  const auto in = lognormal_tensor(test_seed(70), 1'000'000, -3.0, 1.0);
  EXPECT_NEAR(prune("dithered:1", in, 0).result.predicted_sparsity, 0.538, 0.01);
  EXPECT_NEAR(prune("dithered:2", in, 0).result.predicted_sparsity, 0.726, 0.01);
  EXPECT_NEAR(prune("dithered:4", in, 0).result.predicted_sparsity, 0.852, 0.01);
}

TEST(Random, ScalesWhatItKeepsByTheInverseOfItsChance) {
  std::vector<float> in(10'000, 3.0f);
  std::fill(in.begin(), in.begin() + 2000, 0.0f);
  // 60 % zeros of all: half of the 8,000.
  const auto [r, out] = prune("random", in, 0.6);
  EXPECT_NEAR(r.predicted_sparsity, 0.6, 1e-9);
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_TRUE(out[i] == 0.0f || out[i] == 6.0f);
  EXPECT_NEAR(r.reached_sparsity, 0.6, 6.5 * std::sqrt(8000 * 0.25) / 10'000);
}

}  // namespace
}  // namespace gradpath
