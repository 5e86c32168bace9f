#include "models/round/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace gradpath {
namespace {

TEST(Lfsr, FollowsMarsaglia) {
  // Marsaglia 2003, xorshift32 from y = 2463534242 with (13, 17, 5): the paper's own start value;
  // successors computed by hand-run of the three steps in Python.
  Lfsr lfsr(2463534242u);
  lfsr.step();
  EXPECT_EQ(lfsr.word(), 723471715u);
  lfsr.step();
  EXPECT_EQ(lfsr.word(), 2497366906u);
  EXPECT_EQ(Lfsr(0).word(), 1u);
}

// Chi-square of byte counts over n words: 255 degrees of freedom. |z| < 5 has a false-alarm rate
// below 1e-5 a test, and the words are fixed: a failure is a change of the generator.
double byte_chi_square_z(const std::array<double, 256>& counts, double n) {
  double chi = 0;
  for (const double count : counts) chi += (count - n / 256) * (count - n / 256) / (n / 256);
  return (chi - 255) / std::sqrt(2 * 255.0);
}

TEST(CounterRandom, WordsAndNeighboursAreUniform) {
  constexpr int kWords = 1 << 20;
  for (const std::uint64_t seed : {0u, 1u, 12345u}) {
    const CounterRandom random(Seed{seed});
    std::array<double, 256> top{};
    std::array<double, 256> pair{};    // top nibbles of neighbours
    std::array<double, 256> across{};  // top nibbles of the same index under the next seed
    const CounterRandom other(Seed{seed + 1});
    for (std::uint64_t i = 0; i < kWords; ++i) {
      const auto word = random.word(i);
      ++top[word >> 24];
      ++pair[(word >> 28) * 16 + (random.word(i + 1) >> 28)];
      ++across[(word >> 28) * 16 + (other.word(i) >> 28)];
    }
    EXPECT_LT(std::fabs(byte_chi_square_z(top, kWords)), 5) << seed;
    EXPECT_LT(std::fabs(byte_chi_square_z(pair, kWords)), 5) << seed;
    EXPECT_LT(std::fabs(byte_chi_square_z(across, kWords)), 5) << seed;
  }
}

// What rounding sees of a block of elements that share keys: how many of their words fall below a
// threshold is binomial, or the words would not be independent. Chi-square over the counts with an
// expectation above 50.
TEST(CounterRandom, CountsBelowAThresholdInABlockAreBinomial) {
  constexpr auto kBlock = static_cast<int>(CounterRandom::kBlock);
  constexpr int kBlocks = 1 << 18;
  const CounterRandom random(Seed{2311});
  for (const double share : {0.5, 0.1, 0.01, 0.9}) {
    std::array<double, kBlock + 1> counts{};
    std::array<std::uint32_t, kBlock> words{};
    for (std::uint64_t b = 0; b < kBlocks; ++b) {
      random.fill(b * kBlock, words);
      const auto below =
          std::ranges::count_if(words, [&](std::uint32_t w) { return w < share * 0x1p32; });
      ++counts[static_cast<std::size_t>(below)];
    }
    double chi = 0;
    double found = 0;
    double expected = 0;
    int freedom = -1;
    for (int k = 0; k <= kBlock; ++k) {
      const double ways =
          std::lgamma(kBlock + 1) - std::lgamma(k + 1) - std::lgamma(kBlock - k + 1);
      expected +=
          kBlocks * std::exp(ways + k * std::log(share) + (kBlock - k) * std::log1p(-share));
      found += counts[static_cast<std::size_t>(k)];
      if (expected < 50) continue;
      chi += (found - expected) * (found - expected) / expected;
      ++freedom;
      found = expected = 0;
    }
    EXPECT_LT(std::fabs((chi - freedom) / std::sqrt(2.0 * freedom)), 5) << share;
  }
}

// The mean of u(i) u(i + lag) over n words, u = word / 2^32 - 1/2, has standard error 1/(12 sqrt
// n). 5.5 of them: a false alarm in 2e5 sets of 128 lags, and the words are fixed.
TEST(CounterRandom, WordsUpTo128ApartAreUncorrelated) {
  constexpr std::size_t kWords = 1 << 20;
  constexpr std::size_t kLags = 128;
  std::vector<std::uint32_t> words(kWords + kLags);
  CounterRandom(Seed{99}).fill(0, words);
  std::vector<double> u(words.size());
  std::ranges::transform(words, u.begin(),
                         [](std::uint32_t w) { return (w + 0.5) * 0x1p-32 - 0.5; });
  for (std::size_t lag = 1; lag <= kLags; ++lag) {
    double sum = 0;
    for (std::size_t i = 0; i < kWords; ++i) sum += u[i] * u[i + lag];
    EXPECT_LT(std::fabs(sum) * 12 / std::sqrt(double{kWords}), 5.5) << lag;
  }
}

TEST(CounterRandom, FillGivesTheWordsOfAnyRange) {
  const CounterRandom random(Seed{5});
  std::array<std::uint32_t, 200> words{};
  for (const std::uint64_t first : {0u, 1u, 63u, 64u, 100u}) {
    random.fill(first, words);
    for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(words[i], random.word(first + i));
  }
}

TEST(CounterRandom, IndicesPast32BitsHaveWordsOfTheirOwn) {
  const CounterRandom random(Seed{3});
  int equal = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    equal += random.word(i) == random.word(i + (std::uint64_t{1} << 32)) ? 1 : 0;
  }
  EXPECT_LE(equal, 1);
}

TEST(LaneSeed, LanesAndUnitsDiffer) {
  EXPECT_NE(lane_seed(Seed{0}, RandomUnit::pruner, 0),
            lane_seed(Seed{0}, RandomUnit::quantizer, 0));
  EXPECT_NE(lane_seed(Seed{0}, RandomUnit::pruner, 0), lane_seed(Seed{0}, RandomUnit::pruner, 1));
  EXPECT_NE(lane_seed(Seed{0}, RandomUnit::pruner, 0), lane_seed(Seed{1}, RandomUnit::pruner, 0));
}

}  // namespace
}  // namespace gradpath
