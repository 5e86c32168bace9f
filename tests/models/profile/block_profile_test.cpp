// What a block profile answers against casting every element by blocks, and its merging.
#include "models/profile/block_profile.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "models/profile/cast_measures.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

struct Case {
  std::string name;
  std::vector<float> values;
  std::vector<std::int64_t> shape;
  int axis = -1;
};

std::vector<Case> cases(std::uint64_t seed) {
  std::vector<Case> list = {
      {"rows", lognormal_tensor(seed, 3000, -9, 2.2, 0.3), {30, 100}},
      {"columns", lognormal_tensor(seed + 1, 3000, 0, 1.5), {50, 60}, 0},
      {"middle", lognormal_tensor(seed + 2, 4 * 37 * 6, -3, 4, 0.1), {4, 37, 6}, 1},
      {"wide", lognormal_tensor(seed + 3, 2500, 0, 12), {2500}},
      {"one_element", {-1.5f}, {1}},
      {"empty", {}, {0}},
      {"zeros", std::vector<float>(40, -0.0f), {40}},
  };
  auto odd = lognormal_tensor(seed + 4, 1000, -80, 3, 0.2);
  for (std::size_t i = 0; i < 100; i += 3) odd[i] = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 100; i < 200; i += 5) odd[i] = std::numeric_limits<float>::infinity();
  for (std::size_t i = 200; i < 300; ++i) odd[i] = 0.0f;
  list.push_back({"odd", odd, {1000}});
  return list;
}

BlockProfile profile_of(const Case& tensor, std::uint64_t block) {
  const BlockLayout layout = block_layout(tensor.shape, tensor.axis, block);
  BlockProfileBuilder builder;
  builder.add(tensor.values, layout, {0, layout.groups()});
  return builder.take();
}

void expect_close(double found, double expected, double tolerance, const char* what) {
  if (std::isfinite(expected)) {
    EXPECT_NEAR(found, expected, tolerance) << what;
  } else {
    EXPECT_EQ(std::isnan(found), std::isnan(expected)) << what << " " << found;
  }
}

TEST(BlockProfile, AnswersEqualCastingEveryElementByBlocks) {
  int answered = 0;
  for (const Case& tensor : cases(test_seed(91))) {
    for (const std::uint64_t block : {1u, 16u, 32u, 5000u}) {
      const BlockProfileTable table(profile_of(tensor, block));
      const BlockLayout layout = block_layout(tensor.shape, tensor.axis, block);
      for (const auto& format : parse_format_list("e4m3fn,e5m2,e3m2fn,e2m3fn,e2m1fn,e1m6f")) {
        for (const char* rounding : {"rne", "rna", "rtz", "rup", "rto"}) {
          SCOPED_TRACE(tensor.name + " " + format + " " + rounding + " " + std::to_string(block));
          const CastOptions options{parse_rounding(rounding)};
          const auto answer = table.measure(parse_format(format), options);
          if (!answer.refusal.empty()) continue;
          ++answered;
          const CastMeasures& m = answer.measures;
          const CastMeasures expected =
              measure_by_casting(parse_format(format), options, BlockScaling{.block = block},
                                 layout, tensor.values, tensor.values, CounterRandom(Seed{}));
          EXPECT_EQ(m.numel, expected.numel);
          EXPECT_EQ(m.zeros, expected.zeros);
          EXPECT_EQ(m.saturated, expected.saturated);
          EXPECT_EQ(m.excluded, expected.excluded);
          expect_close(m.mse, expected.mse, 1e-12 * expected.mse, "mse");
          expect_close(m.cosine, expected.cosine, 1e-12, "cosine");
          expect_close(m.bias, expected.bias, 1e-12 * std::sqrt(expected.mse), "bias");
          expect_close(m.mean_relative_error, expected.mean_relative_error,
                       1e-7 * std::max(1.0, expected.mean_relative_error), "relative");
        }
      }
    }
  }
  EXPECT_GT(answered, 700);
}

TEST(BlockProfile, VarianceAndExpectationUnderStochasticRoundingMatchDraws) {
  const Case tensor{"rows", lognormal_tensor(test_seed(92), 4096, -9, 2), {128, 32}};
  const Format format = parse_format("e2m1fn");
  const CastOptions options{parse_rounding("sr")};
  const auto answer = BlockProfileTable(profile_of(tensor, 32)).measure(format, options);
  ASSERT_EQ(answer.refusal, "");
  // 64 draws; the mean of independent mse's is normal, and 7 standard errors fail once in 10^11.
  double sum = 0;
  double square = 0;
  constexpr int kDraws = 64;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const CastMeasures drawn =
        measure_by_casting(format, options, BlockScaling{}, block_layout(tensor.shape, -1, 32),
                           tensor.values, tensor.values, CounterRandom(Seed{seed}));
    EXPECT_NEAR(drawn.variance, answer.measures.variance, 1e-6 * drawn.variance);
    sum += drawn.mse;
    square += drawn.mse * drawn.mse;
  }
  const double mean = sum / kDraws;
  const double error = std::sqrt((square / kDraws - mean * mean) / (kDraws - 1));
  EXPECT_NEAR(answer.measures.mse, mean, 7 * error);
  EXPECT_GT(answer.measures.variance, 0);
}

TEST(BlockProfile, DecidedByHand) {
  // Blocks of 2: {4, 1} has X = 2^(2 - 2), e2m1fn holds both. {0.375, 0.0625}: X = 2^(-2 - 2),
  // scaled 6 and 1: exact. {7, 0.2}: X = 1, 7 saturates to 6, 0.2 goes to 0.
  const Case tensor{"hand", {4, 1, 0.375f, 0.0625f, 7, 0.2f}, {6}};
  const auto m =
      BlockProfileTable(profile_of(tensor, 2)).measure(parse_format("e2m1fn"), {}).measures;
  EXPECT_EQ(m.zeros, 1);
  EXPECT_EQ(m.saturated, 1);
  EXPECT_NEAR(m.mse, (1 + 0.04) / 6, 1e-8);
  EXPECT_NEAR(m.mean_relative_error, (1.0 / 7 + 1) / 6, 1e-8);
}

TEST(BlockProfile, AnyPartitionIntoWholeBlocksMergesToTheSame) {
  for (const Case& tensor : cases(test_seed(93))) {
    SCOPED_TRACE(tensor.name);
    const BlockProfile whole = profile_of(tensor, 16);
    const BlockLayout layout = block_layout(tensor.shape, tensor.axis, 16);
    const std::span<const float> values(tensor.values);
    BlockProfile merged;
    for (std::uint64_t g = layout.groups(); g-- > 0;) {
      BlockProfileBuilder builder;
      const std::uint64_t begin = layout.group_begin(g);
      builder.add(values.subspan(begin, layout.group_begin(g + 1) - begin), layout, {g, 1});
      merged.merge(builder.take());
    }
    EXPECT_EQ(merged, whole);
    EXPECT_EQ(whole.whole(), profile_tensor(values));
  }
}

TEST(BlockProfile, ContradictionsAreRefused) {
  const Profile one = profile_tensor(std::vector<float>{1.5f});
  EXPECT_NO_THROW(BlockProfile({{0, one}}));
  EXPECT_THROW(BlockProfile({{1, one}}), std::invalid_argument);
  EXPECT_THROW(BlockProfile({{BlockProfile::kZeroBlocks, one}}), std::invalid_argument);
  EXPECT_THROW(BlockProfile({{200, one}}), std::invalid_argument);
  EXPECT_THROW(BlockProfile({{0, Profile()}}), std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
