// Profiles against counting one element at a time, and every way to cut a tensor.
#include "models/profile/profile_builder.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "models/stats/counts.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The definition in profile.hpp, one element at a time.
std::vector<ProfileBucket> expected_buckets(const std::vector<float>& values) {
  std::map<std::uint32_t, ProfileBucket> buckets;
  for (const float x : values) {
    if (x == 0 || !std::isfinite(x)) continue;
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::uint64_t low = bits % 65536;
    ProfileBucket& bucket = buckets[bits / 65536];
    bucket.key = static_cast<std::uint16_t>(bits / 65536);
    bucket.count += 1;
    bucket.ties += low == 0 ? 1 : 0;
    bucket.low_sum += low;
    bucket.low_square_sum += low * low;
  }
  std::vector<ProfileBucket> list;
  for (const auto& [key, bucket] : buckets) list.push_back(bucket);
  return list;
}

void expect_profile_of(const std::vector<float>& values, const Profile& profile) {
  const TensorCounts expected = count_tensor(values);
  const TensorCounts found = profile.counts();
  EXPECT_EQ(found.numel, expected.numel);
  EXPECT_EQ(found.zeros, expected.zeros);
  EXPECT_EQ(found.subnormals, expected.subnormals);
  EXPECT_EQ(found.infs, expected.infs);
  EXPECT_EQ(found.nans, expected.nans);
  if (expected.nonzeros() > 0) {
    EXPECT_EQ(found.abs_min, expected.abs_min);
    EXPECT_EQ(found.abs_max, expected.abs_max);
  } else {
    EXPECT_TRUE(std::isnan(found.abs_min) && std::isnan(found.abs_max));
  }
  const auto buckets = expected_buckets(values);
  EXPECT_TRUE(std::ranges::equal(profile.buckets(), buckets));
  std::uint64_t checksum = 0;
  for (const float x : values) checksum += profile_hash(std::bit_cast<std::uint32_t>(x));
  EXPECT_EQ(profile.checksum(), checksum);
}

// Any bits at all: subnormals, infinities, NaNs of every kind; some zeros and bf16 values.
std::vector<float> any_bits(std::uint64_t seed, std::size_t n) {
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  std::vector<float> values(n);
  for (float& x : values) {
    auto bits = static_cast<std::uint32_t>(random());
    const auto kind = random() % 16;
    if (kind == 0) bits &= 0x80000000u;
    if (kind == 1) bits &= 0xffff0000u;
    if (kind == 2) bits &= 0x800fffffu;
    if (kind == 3) bits &= 0x8000ffffu;
    if (kind == 4) bits |= 0x7f800000u;
    if (kind == 5) bits = (bits & 0x80000000u) | 0x7f800000u;
    x = std::bit_cast<float>(bits);
  }
  return values;
}

std::vector<std::vector<float>> tensors(std::uint64_t seed) {
  std::vector<std::vector<float>> list = {
      {},
      {0.0f},
      {-0.0f, 0.0f, -0.0f},
      {1.0f},
      {kInfinity, -kInfinity, kInfinity},
      {kNan},
      {1e-45f, -1e-45f},
      {0.0f, kNan, -kInfinity, 3.0f, -1e-40f, std::numeric_limits<float>::max()},
      std::vector<float>(70'000, -0.3f),
      std::vector<float>(5'000, 0.0f),
  };
  for (const std::size_t n : {1u, 2u, 3u, 7u, 15u, 16u, 17u, 33u, 4095u, 4096u, 4097u, 50'000u}) {
    list.push_back(any_bits(seed + n, n));
    list.push_back(lognormal_tensor(seed + n, n, -9, 2, 0.4));
  }
  return list;
}

TEST(Profile, HoldsWhatCountingOneByOneFinds) {
  const auto seed = test_seed(71);
  ProfileBuilder builder;  // one for all: it must be empty after every take()
  for (const auto& values : tensors(seed)) {
    SCOPED_TRACE(values.size());
    builder.add(values);
    expect_profile_of(values, builder.take());
  }
  EXPECT_EQ(builder.take(), Profile());
}

TEST(Profile, IsTheSameOnEveryTarget) {
  const auto values = any_bits(test_seed(72), 9'999);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(hwy::TargetName(target));
    expect_profile_of(values, profile_tensor(values));
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Profile, AnyPartitionInAnyOrderMergesToTheWhole) {
  const auto seed = test_seed(73);
  std::mt19937_64 random(seed);
  for (const auto& values : tensors(seed)) {
    const Profile whole = profile_tensor(values);
    auto shuffled = values;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::vector<Profile> parts;
    for (std::size_t begin = 0; begin < shuffled.size();) {
      const std::size_t size = std::min<std::size_t>(shuffled.size() - begin, random() % 20'000);
      parts.push_back(profile_tensor(std::span(shuffled).subspan(begin, size)));
      begin += size;
    }
    Profile left;
    for (const Profile& part : parts) left.merge(part);
    EXPECT_EQ(left, whole);
    // As a tree: pairs of neighbours until one is left.
    while (parts.size() > 1) {
      std::vector<Profile> half;
      for (std::size_t i = 0; i < parts.size(); i += 2) {
        half.push_back(parts[i]);
        if (i + 1 < parts.size()) half.back().merge(parts[i + 1]);
      }
      parts = std::move(half);
    }
    EXPECT_EQ(parts.empty() ? Profile() : parts.front(), whole);
  }
}

TEST(Profile, CountersDoNotOverflowWhereOneBucketTakesAll) {
  // More than one flush of 2^24 elements, all with the largest l.
  const float x = std::bit_cast<float>(0x3f80ffffu);
  const std::vector<float> block(std::size_t{1} << 20, x);
  ProfileBuilder builder;
  constexpr std::uint64_t kBlocks = 33;
  for (std::uint64_t i = 0; i < kBlocks; ++i) builder.add(block);
  const Profile profile = builder.take();
  const std::uint64_t n = kBlocks << 20;
  const ProfileBucket expected{0x3f80, n, 0, n * 0xffff, Uint128{n} * 0xffff * 0xffff};
  ASSERT_EQ(profile.buckets().size(), 1u);
  EXPECT_EQ(profile.buckets()[0], expected);
}

TEST(Profile, ChecksumTellsTensorsApartThatTheSumsDoNot) {
  // l: 1 + 6 + 8 = 2 + 4 + 9 and 1 + 36 + 64 = 4 + 16 + 81.
  const auto with = [](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    const auto value = [](std::uint32_t low) { return std::bit_cast<float>(0x3f800000u + low); };
    return profile_tensor(std::vector<float>{value(a), value(b), value(c)});
  };
  const Profile one = with(1, 6, 8);
  const Profile other = with(2, 4, 9);
  EXPECT_TRUE(std::ranges::equal(one.buckets(), other.buckets()));
  EXPECT_NE(one.checksum(), other.checksum());
  EXPECT_NE(one.id(), other.id());
}

TEST(Profile, RefusesNumbersThatContradictEachOther) {
  const ProfileBucket good{0x3f80, 3, 1, 5, 13};
  const auto make = [](ProfileBucket bucket, std::uint32_t least = 0x3f800000u,
                       std::uint32_t most = 0x3f800003u) {
    return Profile(0, 0, 0, least, most, 0, {bucket});
  };
  EXPECT_NO_THROW(make(good));
  EXPECT_THROW(make({0x3f80, 0, 0, 0, 0}), std::invalid_argument);
  EXPECT_THROW(make({0x7f80, 3, 1, 5, 13}, 0x7f800000u, 0x7f800003u), std::invalid_argument);
  EXPECT_THROW(make({0x3f80, 3, 4, 5, 13}), std::invalid_argument);
  EXPECT_THROW(make({0x0000, 3, 1, 5, 13}, 1, 3), std::invalid_argument);
  EXPECT_THROW(make({0x3f80, 3, 1, 1, 13}), std::invalid_argument);
  EXPECT_THROW(make({0x3f80, 3, 1, 2 * 65535 + 1, 13}), std::invalid_argument);
  EXPECT_THROW(make({0x3f80, 3, 1, 5, 4}), std::invalid_argument);
  EXPECT_THROW(make({0x3f80, 3, 1, 5, 12}), std::invalid_argument);  // 5^2 > 2 * 12
  // So many that the sums do not hold them, and (2^17)^2 wraps 128 bits beside the right sum.
  const std::uint64_t many = std::uint64_t{1} << 48;
  EXPECT_THROW(make({0x3f80, many + 1, 1, many, many}), std::invalid_argument);
  EXPECT_THROW(Profile(many, 0, 0, 0x3f800000u, 0x3f800003u, 0, {good}), std::invalid_argument);
  EXPECT_THROW(Profile(~std::uint64_t{0}, 1, 0, 0, 0, 0, {}), std::invalid_argument);
  Profile sum(many - 3, 0, 0, 0x3f800000u, 0x3f800003u, 0, {good});
  EXPECT_THROW(sum.merge(make(good)), std::invalid_argument);
  EXPECT_THROW(make(good, 0, 0x3f800003u), std::invalid_argument);
  EXPECT_THROW(make(good, 0x3f800000u, 0x3f810000u), std::invalid_argument);
  EXPECT_THROW(make(good, 0x3f800003u, 0x3f800002u), std::invalid_argument);
  EXPECT_THROW(Profile(1, 0, 0, 1, 1, 0, {}), std::invalid_argument);
  EXPECT_THROW(Profile(0, 0, 0, 0x3f800000u, 0x3f800003u, 0, {good, good}), std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
