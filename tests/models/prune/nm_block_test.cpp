#include "models/prune/nm_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

std::vector<float> pruned(const std::vector<float>& block, std::size_t n, std::uint32_t word) {
  std::vector<float> out(block.size(), 77.0f);
  nm_prune_block(block, n, word, out);
  return out;
}

std::size_t nonzeros(const std::vector<float>& block) {
  return block.size() - static_cast<std::size_t>(std::ranges::count(block, 0.0f));
}

/// Mean output over 2^12 words in equal steps: exact where all probabilities are multiples of 2^-12
/// and the values are short.
std::vector<double> mean_over_words(const std::vector<float>& block, std::size_t n) {
  std::vector<double> sum(block.size());
  for (std::uint32_t j = 0; j < 4096; ++j) {
    const auto out = pruned(block, n, j << 20 | 1u << 19);
    EXPECT_EQ(nonzeros(out), std::min(n, nonzeros(block)));
    for (std::size_t i = 0; i < block.size(); ++i) sum[i] += out[i];
  }
  for (double& x : sum) x /= 4096;
  return sum;
}

// Sums of magnitudes are powers of two, so probabilities are dyadic: the mean is the block,
// exactly.
TEST(NmBlock, IsUnbiasedByEnumeration) {
  struct Case {
    std::size_t n;
    std::vector<float> block;
  };
  const std::vector<Case> cases = {
      {1, {3, -1}},
      {1, {-1, 7}},
      {1, {8, 8}},
      {1, {0, -5}},
      {1, {0, 0}},
      {2, {1, 2, 3, 2}},
      {2, {-4, 4, 4, -4}},
      {2, {9, -1, 2, 1}},
      {3, {100, 100, 3, 1}},
      {2, {0, -3, 0, 1}},
      {2, {0, 2, 1, 1}},
      {2, {1, 0, 0, 0}},
      {2, {5, 1, 2, 1}},
      {2, {8, 1, 3, 4}},
      {1, {1, 2, 3, 2}},
      {3, {4, 3, 4, 5, 0, 8}},
      {4, {1, 2, 3, 4, 5, 6, 7, 4}},
      {1, {0.5f, 0.25f, -0.125f, 0.125f}},
  };
  for (const Case& c : cases) {
    const std::vector<double> mean = mean_over_words(c.block, c.n);
    for (std::size_t i = 0; i < c.block.size(); ++i) {
      EXPECT_EQ(mean[i], static_cast<double>(c.block[i]))
          << "element " << i << " of a block that begins " << c.block[0] << ", " << c.block[1];
    }
  }
}

TEST(NmBlock, OfTwoIsThePapersForm) {  // sign(a) (|a| + |b|) with probability |a| / (|a| + |b|)
  EXPECT_EQ(pruned({3, -1}, 1, 0u), (std::vector<float>{4, 0}));
  EXPECT_EQ(pruned({3, -1}, 1, 0xbfffffffu), (std::vector<float>{4, 0}));
  EXPECT_EQ(pruned({3, -1}, 1, 0xc0000000u), (std::vector<float>{0, -4}));
  EXPECT_EQ(pruned({3, -1}, 1, ~0u), (std::vector<float>{0, -4}));
}

TEST(NmBlock, KeepsAnElementThatOutweighsTheRest) {  // 2:4 with a4 > a1 + a2 + a3
  for (std::uint32_t word : {0u, 0x40000000u, 0x90000000u, ~0u}) {
    const auto out = pruned({1, 2, 1, -40}, 2, word);
    EXPECT_EQ(out[3], -40.0f);
    EXPECT_EQ(std::fabs(out[0]) + std::fabs(out[1]) + std::fabs(out[2]), 4.0f);
  }
}

// Of all probabilities with sum n, those are least in variance: sum of x^2 (1 / p - 1).
TEST(NmBlock, HasNoMoreVarianceThanOtherProbabilities) {
  const std::uint64_t seed = test_seed(81);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.01, 1.0);
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t m = 2 + random() % 7;
    const std::size_t n = 1 + random() % (m - 1);
    const std::vector<float> block = lognormal_tensor(random(), m, 0.0, 1.5);
    const NmInclusion inclusion = nm_inclusion(block, n);
    double sum = 0;
    double least = 0;
    for (std::size_t i = 0; i < m; ++i) {
      const bool sure = (inclusion.sure >> i & 1u) != 0;
      const double p = sure ? 1.0 : std::fabs(block[i]) / inclusion.level;
      EXPECT_GT(p, 0.0);
      EXPECT_LE(p, 1.0 + 1e-12);
      sum += p;
      least += static_cast<double>(block[i]) * block[i] * (1 / p - 1);
    }
    EXPECT_NEAR(sum, static_cast<double>(n), 1e-9);
    for (int other = 0; other < 50; ++other) {
      // Random weights, brought to the sum by bisection on a factor, capped at 1.
      std::vector<double> weights(m);
      for (double& w : weights) w = uniform(random);
      double low = 0;
      double high = 1e4;
      const auto total = [&](double factor) {
        return std::accumulate(weights.begin(), weights.end(), 0.0,
                               [&](double s, double w) { return s + std::min(1.0, factor * w); });
      };
      for (int step = 0; step < 100; ++step) {
        const double middle = 0.5 * (low + high);
        (total(middle) < static_cast<double>(n) ? low : high) = middle;
      }
      double variance = 0;
      for (std::size_t i = 0; i < m; ++i) {
        const double p = std::min(1.0, high * weights[i]);
        variance += static_cast<double>(block[i]) * block[i] * (1 / p - 1);
      }
      ASSERT_GE(variance, least * (1 - 1e-9)) << "seed " << seed << " n " << n << " m " << m;
    }
  }
}

// The outcome changes only where a sum of probabilities has the word's fraction; integrated over
// the stretches between, in long double.
TEST(NmBlock, IsUnbiasedForAnyValues) {
  const std::uint64_t seed = test_seed(82);
  std::mt19937_64 random(seed);
  for (int trial = 0; trial < 500; ++trial) {
    const std::size_t m = 2 + random() % 7;
    const std::size_t n = 1 + random() % (m - 1);
    const std::vector<float> block = lognormal_tensor(random(), m, -20.0, 2.0, 0.1);
    const NmInclusion inclusion = nm_inclusion(block, n);
    std::vector<long double> cuts = {0, 1};
    long double place = 0;
    long double scale = 0;
    for (std::size_t i = 0; i < m; ++i) {
      scale += std::fabs(block[i]);
      if ((inclusion.sure >> i & 1u) != 0 || block[i] == 0.0f) continue;
      place += std::fabs(static_cast<long double>(block[i])) / inclusion.level;
      cuts.push_back(place - std::floor(place));
    }
    std::ranges::sort(cuts);
    std::vector<long double> mean(m);
    for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
      const long double width = cuts[k + 1] - cuts[k];
      if (width < 1e-9L) continue;  // narrower than the words' grid
      const auto word = static_cast<std::uint32_t>((cuts[k] + width / 2) * 0x1p32L);
      const auto out = pruned(block, n, word);
      EXPECT_EQ(nonzeros(out), std::min(n, nonzeros(block)));
      for (std::size_t i = 0; i < m; ++i) mean[i] += width * out[i];
    }
    for (std::size_t i = 0; i < m; ++i) {
      ASSERT_NEAR(static_cast<double>(mean[i]), block[i], static_cast<double>(scale) * 1e-6);
    }
  }
}

TEST(NmBlock, LeavesBlocksWithInfinitiesAndNansAlone) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(pruned({1, inf, 2, 3}, 2, 5), (std::vector<float>{1, inf, 2, 3}));
  const auto out = pruned({1, std::nanf(""), 2, 3}, 2, 5);
  EXPECT_TRUE(std::isnan(out[1]));
  EXPECT_EQ(out[3], 3.0f);
}

TEST(NmBlock, SaturatesAtTheLargestFp32) {
  const float most = std::numeric_limits<float>::max();
  EXPECT_EQ(pruned({most, -most}, 1, 0), (std::vector<float>{most, 0}));
}

}  // namespace
}  // namespace gradpath
