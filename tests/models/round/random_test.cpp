#include "models/round/random.hpp"

#include <array>
#include <cmath>

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
