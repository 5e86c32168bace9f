#include "models/prune/magnitude_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  std::string name;
  std::vector<float> values;
};

std::vector<Case> cases(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Case> made = {
      {"empty", {}},
      {"one", {-3.0f}},
      {"zeros", {0.0f, -0.0f, 0.0f}},
      {"specials", {0.0f, kInf, -kInf, kNan, std::bit_cast<float>(0x7f800001u), 1.0f, -2.5f}},
      {"largest", {3e38f, 1.0f, 2e38f, 0.0f}},
      {"wide", lognormal_tensor(seed, 3000, -40.0, 9.0, 0.2)},
      {"narrow", lognormal_tensor(seed, 3000, 2.0, 1e-4)},
      {"tiny subnormals", lognormal_tensor(seed, 3000, -101.0, 1.0, 0.1)},
      {"lognormal", lognormal_tensor(seed, 20'000, -12.0, 1.5, 0.3)},
      {"ties", {}},
      {"bf16", lognormal_tensor(seed, 5000, -7.0, 1.0)},
      {"all bits", {}},
  };
  for (int i = 0; i < 3000; ++i) {
    made[9].values.push_back(0.1f * static_cast<float>(static_cast<int>(random() % 13) - 6));
    made[11].values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  }
  for (float& x : made[10].values) {
    x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  }
  return made;
}

TEST(MagnitudeTable, CountsWhatATensorHolds) {
  for (const Case& c : cases(test_seed(71))) {
    SCOPED_TRACE(c.name);
    const MagnitudeTable table(c.values);
    const TensorCounts expected = count_tensor(c.values);
    EXPECT_EQ(table.counts().numel, expected.numel);
    EXPECT_EQ(table.counts().zeros, expected.zeros);
    EXPECT_EQ(table.counts().infs, expected.infs);
    EXPECT_EQ(table.counts().nans, expected.nans);
  }
}

TEST(MagnitudeTable, HoldsEveryMagnitudeOfTheSortedTensor) {
  for (const Case& c : cases(test_seed(72))) {
    SCOPED_TRACE(c.name);
    std::vector<std::uint32_t> expected;
    for (const float x : c.values) {
      if (std::isfinite(x) && x != 0) {
        expected.push_back(std::bit_cast<std::uint32_t>(std::fabs(x)));
      }
    }
    std::ranges::sort(expected);
    MagnitudeTable table(c.values);
    table.add_squares();
    std::vector<std::uint32_t> found;
    for (const MagnitudeBucket& bucket : table.buckets()) {
      std::uint64_t sum = 0;
      std::uint64_t squares = 0;
      std::size_t count = 0;
      for (const LowCount& entry : table.lows(bucket)) {
        found.insert(found.end(), entry.count, bucket.key << 16 | entry.low);
        count += entry.count;
        sum += std::uint64_t{entry.count} * entry.low;
        squares += std::uint64_t{entry.count} * entry.low * entry.low;
      }
      EXPECT_EQ(count, bucket.count);
      EXPECT_EQ(sum, bucket.low_sum);
      EXPECT_EQ(squares, bucket.low_square_sum);
    }
    EXPECT_EQ(found, expected);
  }
}

// The definition is the one on sorted magnitudes; equality is of bits.
TEST(MagnitudeTable, HasTheThresholdsAndSparsitiesOfTheSortedTensor) {
  for (const Case& c : cases(test_seed(73))) {
    SCOPED_TRACE(c.name);
    const SortedMagnitudes sorted(c.values);
    MagnitudeTable table(c.values);
    int solved = 0;
    for (int step = 0; step < 400; ++step) {
      const double target = step / 400.0;
      float expected = 0;
      try {
        expected = exact_threshold(sorted, target);
      } catch (const UserError&) {
        EXPECT_THROW((void)exact_threshold(table, target), UserError) << target;
        continue;
      }
      ++solved;
      EXPECT_EQ(exact_threshold(table, target), expected) << target;
      for (const float alpha : {expected, std::nextafter(expected, 0.0f), 0.7f * expected}) {
        const double sparsity = expected_sparsity(sorted, alpha);
        const double found = expected_sparsity(table, alpha);
        EXPECT_TRUE(found == sparsity || (std::isnan(found) && std::isnan(sparsity))) << target;
      }
    }
    EXPECT_GT(solved, 0);
  }
}

TEST(MagnitudeTable, ReadsPiecesAsItReadsTheWhole) {
  const std::vector<float> values = lognormal_tensor(test_seed(74), 600'007, -12.0, 2.0, 0.3);
  const std::span<const float> whole(values);
  // Converted on the way, as a file of another type is.
  MagnitudeTable table(TensorSource(
      whole.size(), [&](std::uint64_t first, std::size_t count, std::vector<float>& buffer) {
        buffer.assign(values.begin() + static_cast<std::ptrdiff_t>(first),
                      values.begin() + static_cast<std::ptrdiff_t>(first + count));
        return std::span<const float>(buffer);
      }));
  const SortedMagnitudes sorted(values);
  for (const double target : {0.35, 0.5, 0.85, 0.99}) {
    EXPECT_EQ(exact_threshold(table, target), exact_threshold(sorted, target));
  }
}

// 2^24 elements overflow a cell's count, so they are carried over before.
TEST(MagnitudeTable, CountsBeyondOneCell) {
  std::vector<float> values((std::size_t{1} << 24) + 5, std::bit_cast<float>(0x3f80ffffu));
  values.back() = 0.0f;
  const MagnitudeTable table(values);
  ASSERT_EQ(table.buckets().size(), 1u);
  EXPECT_EQ(table.buckets()[0].count, (std::uint64_t{1} << 24) + 4);
  EXPECT_EQ(table.buckets()[0].low_sum, ((std::uint64_t{1} << 24) + 4) * 0xffff);
  EXPECT_EQ(table.counts().zeros, 1u);
}

}  // namespace
}  // namespace gradpath
