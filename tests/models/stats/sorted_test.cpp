#include "models/stats/sorted.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMin = std::numeric_limits<float>::min();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr float kMax = std::numeric_limits<float>::max();

TEST(TensorCounts, EveryKindOfValueIsCountedOnce) {
  const std::vector<float> values = {0.0f, -0.0f, kTiny, -kTiny, kMin,  -kMax,
                                     kInf, -kInf, kNan,  -kNan,  -1.0f, kMin - kTiny};
  const TensorCounts counts = count_tensor(values);
  EXPECT_EQ(counts.numel, 12u);
  EXPECT_EQ(counts.zeros, 2u);
  EXPECT_EQ(counts.subnormals, 3u);
  EXPECT_EQ(counts.infs, 2u);
  EXPECT_EQ(counts.nans, 2u);
  EXPECT_EQ(counts.nonzeros(), 6u);
  EXPECT_EQ(counts.abs_min, static_cast<double>(kTiny));
  EXPECT_EQ(counts.abs_max, static_cast<double>(kMax));
  EXPECT_EQ(counts.amax(), static_cast<double>(kMax));
}

TEST(TensorCounts, WithoutAFiniteNonzeroExtremesAreNanAndAmaxIsZero) {
  for (const std::vector<float>& values :
       {std::vector<float>{}, {0.0f, -0.0f}, {kInf, -kInf, kNan}}) {
    const TensorCounts counts = count_tensor(values);
    EXPECT_EQ(counts.nonzeros(), 0u);
    EXPECT_TRUE(std::isnan(counts.abs_min));
    EXPECT_TRUE(std::isnan(counts.abs_max));
    EXPECT_EQ(counts.amax(), 0.0);
  }
}

TEST(TensorCounts, BlocksAddUpAcrossTheirBorders) {
  const std::size_t n = (std::size_t{3} << 16) + 5;
  std::vector<float> values(n, 0.0f);
  values[(1u << 16) - 1] = 3.0f;
  values[1u << 16] = -0.25f;
  values[n - 1] = kNan;
  const TensorCounts counts = count_tensor(values);
  EXPECT_EQ(counts.numel, n);
  EXPECT_EQ(counts.zeros, n - 3);
  EXPECT_EQ(counts.nans, 1u);
  EXPECT_EQ(counts.abs_min, 0.25);
  EXPECT_EQ(counts.abs_max, 3.0);
}

/// Compares with an ordered map of the standard library.
void expect_like_a_map(const std::vector<float>& values) {
  std::map<float, std::pair<std::uint32_t, std::uint32_t>> expected;  // of both signs, negative
  for (const float x : values) {
    if (!std::isfinite(x) || x == 0.0f) continue;
    auto& [both, negative] = expected[std::fabs(x)];
    ++both;
    if (x < 0.0f) ++negative;
  }
  const SortedMagnitudes sorted(values);
  ASSERT_EQ(sorted.distinct(), expected.size());
  std::size_t i = 0;
  std::uint32_t below = 0;
  std::uint32_t negative_below = 0;
  for (const auto& [magnitude, counts] : expected) {
    ASSERT_EQ(sorted.magnitude(i), magnitude);
    ASSERT_EQ(sorted.below(i), below) << magnitude;
    ASSERT_EQ(sorted.negative_below(i), negative_below) << magnitude;
    below += counts.first;
    negative_below += counts.second;
    ASSERT_EQ(sorted.up_to(i), below) << magnitude;
    ASSERT_EQ(sorted.negative_up_to(i), negative_below) << magnitude;
    ++i;
  }
  EXPECT_EQ(sorted.negatives(), negative_below);
}

TEST(SortedMagnitudes, EqualsAnOrderedMapOnRandomBits) {
  std::mt19937 random(static_cast<std::uint32_t>(test_seed(11)));
  std::vector<float> values(50'000);
  for (float& x : values) x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  expect_like_a_map(values);
}

TEST(SortedMagnitudes, EqualsAnOrderedMapWithManyTiesAndBothSigns) {
  std::mt19937 random(static_cast<std::uint32_t>(test_seed(12)));
  for (const std::uint32_t mask : {0xc0f00001u, 0x80000fffu, 0xffff0000u, 0xc0000000u}) {
    std::vector<float> values(20'000);
    for (float& x : values) x = std::bit_cast<float>(static_cast<std::uint32_t>(random()) & mask);
    SCOPED_TRACE(mask);
    expect_like_a_map(values);
  }
}

TEST(SortedMagnitudes, HoldsNothingWithoutAFiniteNonzero) {
  const std::vector<float> values = {0.0f, kInf, kNan};
  const SortedMagnitudes sorted(values);
  EXPECT_EQ(sorted.distinct(), 0u);
  EXPECT_EQ(sorted.negatives(), 0u);
  EXPECT_EQ(sorted.counts().numel, 3u);
}

}  // namespace
}  // namespace gradpath
