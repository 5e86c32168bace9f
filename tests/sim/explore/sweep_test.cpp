// The design space, and which way a tensor answers a point.
#include "sim/explore/sweep.hpp"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/profile/profile_builder.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

SweepPoint one(const std::string& format, const std::string& scale, double sparsity = 0) {
  return sweep_points({format}, {Rounding{}}, {Overflow::standard}, {scale}, -1, {sparsity})[0];
}

TEST(SweepPoints, AreEveryCombinationUnderDifferentNames) {
  const auto points =
      sweep_points({"e5m2", "e4m3fn"}, {parse_rounding("rne"), parse_rounding("sr:8")},
                   {Overflow::standard, Overflow::saturate},
                   {"none", "2", "mx", "mx:16", "mean-log"}, -1, {0.0, 0.5, 0.9});
  EXPECT_EQ(points.size(), 2u * 2 * 2 * 5 * 3);
  std::set<std::string> names;
  for (const SweepPoint& point : points) names.insert(point.name());
  EXPECT_EQ(names.size(), points.size());
}

TEST(SweepPoints, TheAxisIsPartOfABlocksName) {
  const auto axis = [](int n) {
    return sweep_points({"e5m2"}, {Rounding{}}, {Overflow::standard}, {"mx"}, n, {0.0})[0].name();
  };
  EXPECT_NE(axis(0), axis(-1));
}

TEST(SweepPoints, ScalesOfSeveralTensorsAreRefused) {
  for (const char* scale : {"delayed", "s2fp8", "loss-scaling", "x"}) {
    EXPECT_THROW(static_cast<void>(parse_sweep_scale(scale)), UserError) << scale;
  }
}

TEST(SweepPoints, NeedTheBlocksThatProfilesAnswer) {
  const std::vector<SweepPoint> points = {one("e5m2", "mx"),    one("e4m3fn", "mx"),
                                          one("e5m2", "mx:16"), one("e5m2", "mx:8:fit"),
                                          one("e5m2", "nvfp4"), one("e5m2", "mx:4", 0.5)};
  const auto keys = needed_blocks(points);
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0], (BlockKey{.block = 32}));
  EXPECT_EQ(keys[1], (BlockKey{.block = 16}));
}

TEST(TensorSweep, AsksTheProfileWhereItIsExactAndElseTheElements) {
  const auto values = lognormal_tensor(test_seed(111), 640, -4, 2, 0.1);
  const std::vector<std::int64_t> shape = {640};
  const Profile profile = profile_tensor(values);
  const std::map<BlockKey, BlockProfile> blocks;
  TensorSweep with(SweepTensor{"t", profile, blocks, values, shape}, Seed{});
  TensorSweep without(SweepTensor{"t", profile, blocks}, Seed{});
  for (const char* scale : {"none", "2", "amax-po2", "expected-max", "mean-log"}) {
    EXPECT_TRUE(without.by_profile(one("e4m3fn", scale)).has_value()) << scale;
  }
  for (const auto& point :
       {one("e4m3fn", "3"), one("fp16", "none"), one("e4m3fn", "mx"), one("e4m3fn", "none", 0.5)}) {
    EXPECT_FALSE(with.by_profile(point).has_value()) << point.name();
    EXPECT_EQ(with.by_kernel(point).method, SweepMethod::kernel);
    EXPECT_THROW(static_cast<void>(without.by_kernel(point)), UserError) << point.name();
  }
  SweepPoint expected = one("e4m3fn", "none", 0.5);
  expected.is_expected = true;
  EXPECT_EQ(without.by_profile(expected)->method, SweepMethod::expected);
  EXPECT_EQ(without.kernel_identity(), "");
}

TEST(TensorSweep, IdentityOfAKernelsAnswerHoldsOrderShapeSeedAndName) {
  const std::vector<float> values = {1, 2, 3, 4};
  const std::vector<float> swapped = {2, 1, 3, 4};
  const std::vector<std::int64_t> flat = {4};
  const std::vector<std::int64_t> square = {2, 2};
  const Profile profile = profile_tensor(values);
  const std::map<BlockKey, BlockProfile> blocks;
  std::set<std::string> identities;
  const auto add = [&](const std::string& name, const std::vector<float>& v,
                       const std::vector<std::int64_t>& shape, std::uint64_t seed) {
    TensorSweep sweep(SweepTensor{name, profile, blocks, v, shape}, Seed{seed});
    identities.insert(sweep.kernel_identity());
  };
  add("t", values, flat, 0);
  add("t", swapped, flat, 0);
  add("t", values, square, 0);
  add("t", values, flat, 1);
  add("u", values, flat, 0);
  EXPECT_EQ(identities.size(), 5u);
}

TEST(TensorSweep, EdgeTensorsHaveDefinedAnswersBothWays) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<float>> tensors = {
      {},         {0.0f, -0.0f},          {-3.0f},          {inf, -inf},
      {nan, nan}, {inf, nan, 0.0f, 1.0f}, {1e-45f, -1e-40f}};
  for (const auto& values : tensors) {
    const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(values.size())};
    const Profile profile = profile_tensor(values);
    const BlockLayout layout = block_layout(shape, -1, 32);
    BlockProfileBuilder builder;
    builder.add(values, layout, {0, layout.groups()});
    const std::map<BlockKey, BlockProfile> blocks = {{BlockKey{}, builder.take()}};
    TensorSweep sweep(SweepTensor{"t", profile, blocks, values, shape}, Seed{});
    for (const char* scale : {"none", "amax", "amax-po2", "expected-max", "mean-log", "mx"}) {
      const SweepPoint point = one("e4m3fn", scale);
      const auto brute = sweep.by_kernel(point).measures;
      const auto found = sweep.by_profile(point);
      if (!found) continue;  // amax
      SCOPED_TRACE(std::string(scale) + " " + std::to_string(values.size()));
      const auto same = [](double a, double b) {
        EXPECT_TRUE((std::isnan(a) && std::isnan(b)) || a == b ||
                    std::abs(a - b) <= 1e-12 * std::abs(b))
            << a << " " << b;
      };
      same(found->measures.mse, brute.mse);
      same(found->measures.cosine, brute.cosine);
      same(found->measures.mean_relative_error, brute.mean_relative_error);
      same(found->measures.zeros, brute.zeros);
      same(found->measures.saturated, brute.saturated);
      same(found->measures.excluded, brute.excluded);
    }
  }
}

}  // namespace
}  // namespace gradpath
