#include "models/stats/sorted.hpp"

#include <algorithm>
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

/// Compares with an ordered map of the standard library, whatever is sorted at a time.
void expect_like_a_map(const std::vector<float>& values) {
  std::map<float, std::pair<std::uint64_t, std::uint64_t>> expected;  // positive, negative
  for (const float x : values) {
    if (!std::isfinite(x) || x == 0.0f) continue;
    auto& [positive, negative] = expected[std::fabs(x)];
    ++(x < 0.0f ? negative : positive);
  }
  for (const std::size_t batch : {SortedMagnitudes::kBatch, std::size_t{4000}, std::size_t{1}}) {
    const SortedMagnitudes sorted(values, batch);
    auto next = expected.begin();
    std::uint64_t below = 0;
    std::uint64_t negative_below = 0;
    sorted.visit_buckets(
        [](const auto&) { return true; },
        [&](const SortedMagnitudes::Bucket& bucket, const SortedMagnitudes::Runs& runs) {
          ASSERT_EQ(bucket.below, below);
          ASSERT_EQ(bucket.negative_below, negative_below);
          runs.for_each([&](const MagnitudeRun& run) {
            ASSERT_NE(next, expected.end());
            ASSERT_EQ(run.magnitude, next->first);
            ASSERT_EQ(run.positives, next->second.first) << run.magnitude;
            ASSERT_EQ(run.negatives, next->second.second) << run.magnitude;
            below += run.count();
            negative_below += run.negatives;
            ++next;
          });
          ASSERT_EQ(bucket.below + bucket.count(), below);
        });
    EXPECT_EQ(next, expected.end());
    EXPECT_EQ(sorted.negatives(), negative_below);
    if (testing::Test::HasFatalFailure()) return;
  }
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

TEST(SortedMagnitudes, FindsEveryRankInBatchesOfAnySize) {
  std::vector<float> values = lognormal_tensor(test_seed(13), 300, 0, 0.01, 0.1);
  values.insert(values.end(), {1.0f, -1.0f, 1.0f, 0x1p-149f, -0x1p-140f, 3e38f});
  std::vector<float> order;
  for (const float x : values) {
    if (x != 0.0f) order.push_back(std::fabs(x));
  }
  std::ranges::sort(order);
  for (const std::size_t batch : {std::size_t{1000}, std::size_t{50}, std::size_t{1}}) {
    const SortedMagnitudes sorted(values, batch);
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      ASSERT_EQ(sorted.magnitude_at(rank), order[rank]) << rank << " " << batch;
    }
  }
}

TEST(SortedMagnitudes, HoldsNothingWithoutAFiniteNonzero) {
  const std::vector<float> values = {0.0f, kInf, kNan};
  const SortedMagnitudes sorted(values);
  EXPECT_TRUE(sorted.buckets().empty());
  EXPECT_EQ(sorted.negatives(), 0u);
  EXPECT_EQ(sorted.counts().numel, 3u);
}

}  // namespace
}  // namespace gradpath
