#include "models/prune/stochastic_pruner.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "tests/seed.hpp"

namespace gradpath {
namespace {

// (u + 1/2) / 2^R < |x| / alpha in exact arithmetic: both sides times 2^(R+1) * alpha, whose 25-
// and 24-bit factors fit long double's 64-bit significand.
bool definition_keeps(float x, float alpha, int random_bits, std::uint32_t word) {
  const auto u = static_cast<long double>(word >> (32 - random_bits));
  const long double left = (2 * u + 1) * static_cast<long double>(alpha);
  const long double right = std::ldexp(static_cast<long double>(std::fabs(x)), random_bits + 1);
  return left < right;
}

TEST(StochasticPruner, EqualsTheExactInequality) {
  const auto seed = test_seed(20062);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  int kept = 0;
  int zeroed = 0;
  for (int trial = 0; trial < 400'000; ++trial) {
    const auto alpha_bits = static_cast<std::uint32_t>(random()) % 0x7f800000u;
    const auto distance = static_cast<std::uint32_t>(random() % 40) << 22;
    auto x_bits = alpha_bits -
                  std::min(alpha_bits, distance + static_cast<std::uint32_t>(random() % 0x800000));
    if (trial % 4 == 0)
      x_bits = alpha_bits - std::min(alpha_bits, static_cast<std::uint32_t>(random() % 3));
    const float alpha = std::bit_cast<float>(alpha_bits);
    const float x = std::bit_cast<float>(x_bits) * (trial % 2 == 0 ? 1.0f : -1.0f);
    const int random_bits = 1 + static_cast<int>(random() % 24);
    auto word = static_cast<std::uint32_t>(random());
    if (alpha > 0) {  // half of the words near the one that decides
      const double ratio = std::fabs(static_cast<double>(x)) / static_cast<double>(alpha);
      if (trial % 3 == 0)
        word = static_cast<std::uint32_t>(std::min(ratio * 0x1p32, 0x1.fffffffep31)) +
               static_cast<std::uint32_t>(random() % 5) - 2;
    }
    const float result = StochasticPruner(alpha, random_bits).prune(x, word);
    if (std::fabs(x) >= alpha) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(result), std::bit_cast<std::uint32_t>(x));
    } else if (definition_keeps(x, alpha, random_bits, word)) {
      ASSERT_EQ(result, std::copysign(alpha, x))
          << "x " << std::hexfloat << x << " alpha " << alpha;
      ++kept;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(result), 0u)
          << "x " << std::hexfloat << x << " alpha " << alpha;
      ++zeroed;
    }
  }
  EXPECT_GT(kept, 10'000);
  EXPECT_GT(zeroed, 10'000);
}

TEST(StochasticPruner, InBulkIsElementByElement) {
  const auto seed = test_seed(20062);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int trial = 0; trial < 300; ++trial) {
    const auto alpha = std::bit_cast<float>(static_cast<std::uint32_t>(random()) % 0x7f800000u);
    const StochasticPruner pruner(trial == 0 ? 0.0f : alpha, 1 + static_cast<int>(random() % 24));
    const std::size_t n = trial < 40 ? static_cast<std::size_t>(trial) : random() % 3000;
    std::vector<float> in(n);
    std::vector<std::uint32_t> words(n);
    const CounterRandom counter(Seed{seed});
    const std::uint64_t first = random() % 200;
    for (std::size_t i = 0; i < n; ++i) {
      // Any bits, or within a factor of 2^20 below alpha, or next to it.
      const auto any = static_cast<std::uint32_t>(random());
      const auto alpha_bits = std::bit_cast<std::uint32_t>(alpha);
      const std::uint32_t below = alpha_bits - std::min(alpha_bits, any % (20u << 23));
      const std::uint32_t near = (alpha_bits + static_cast<std::uint32_t>(i % 3) - 1) & 0x7fffffffu;
      const std::uint32_t bits = i % 4 == 0 ? any : i % 4 == 1 ? near : (any & 0x80000000u) | below;
      in[i] = std::bit_cast<float>(bits);
      words[i] = counter.word(first + i);
    }
    std::vector<float> bulk(n);
    pruner.prune(in, bulk, counter, first);
    std::vector<float> with_words(n);
    pruner.prune_with_words(in, words, with_words);
    for (std::size_t i = 0; i < n; ++i) {
      const auto expected = std::bit_cast<std::uint32_t>(pruner.prune(in[i], words[i]));
      ASSERT_EQ(std::bit_cast<std::uint32_t>(bulk[i]), expected) << in[i] << " at " << i;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(with_words[i]), expected) << in[i] << " at " << i;
    }
  }
}

TEST(StochasticPruner, KeepsExactlyTheStatedShareOfWords) {
  // |x| / alpha = 3/8 with R = 4: 6 of 16 words.
  const StochasticPruner pruner(8.0f, 4);
  int kept = 0;
  for (std::uint32_t u = 0; u < 16; ++u) kept += pruner.prune(-3.0f, u << 28) == -8.0f ? 1 : 0;
  EXPECT_EQ(kept, 6);
}

TEST(StochasticPruner, SpecialsAndZerosAreDefined) {
  const float inf = std::numeric_limits<float>::infinity();
  const StochasticPruner pruner(1.0f);
  EXPECT_EQ(pruner.prune(inf, 0), inf);
  EXPECT_EQ(pruner.prune(-inf, ~0u), -inf);
  EXPECT_TRUE(std::isnan(pruner.prune(std::numeric_limits<float>::quiet_NaN(), 0)));
  EXPECT_EQ(std::bit_cast<std::uint32_t>(pruner.prune(-0.0f, 0)), 0u);
  EXPECT_EQ(pruner.prune(1.0f, ~0u), 1.0f);
  const StochasticPruner off(0.0f);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(off.prune(-0.0f, 0)), 0x80000000u);
  EXPECT_EQ(off.prune(0x1p-149f, 0), 0x1p-149f);
}

TEST(StochasticPruner, RefusesThresholdsThatAreNotNumbers) {
  for (const float alpha :
       {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(StochasticPruner{alpha}, UserError);
  }
  EXPECT_THROW(StochasticPruner(1.0f, 0), UserError);
  EXPECT_THROW(StochasticPruner(1.0f, 25), UserError);
}

}  // namespace
}  // namespace gradpath
