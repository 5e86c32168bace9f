// Dot products worked out by hand. Bit-exactness over all accumulators and special cases is
// tests/oracle/gemm_oracle.py's question.
#include "models/mac/dot.hpp"

#include <bit>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr double kInfinity = INFINITY;

double dot_of(const char* accumulator, const char* a_format, const std::vector<double>& a,
              const char* b_format, const std::vector<double>& b) {
  return dot(parse_accumulator(accumulator), {parse_format(a_format), a},
             {parse_format(b_format), b});
}

// Products that are the numbers themselves.
double sum_of(const char* accumulator, const std::vector<double>& numbers,
              const char* format = "fp32") {
  return dot_of(accumulator, format, numbers, "fp32", std::vector<double>(numbers.size(), 1.0));
}

TEST(RoundedDot, RoundsOnceWhereADoubleWouldRoundTwice) {
  // 1 + 2^-23 + (2^-24 - 2^-70): just below the middle of two floats, but its nearest double is the
  // middle, which would go up to the even neighbour.
  const double step = 0x1p-23;
  const std::vector<double> a{1 + step, 1 - step};
  const std::vector<double> b{1, (1 + step) * 0x1p-24};
  EXPECT_EQ(dot_of("fp32", "fp32", a, "fp32", b), 1 + step);
  EXPECT_EQ(dot_of("exact", "fp32", a, "fp32", b), 1 + step);
  const std::vector<double> minus{-1 - step, step - 1};
  EXPECT_EQ(dot_of("fp32", "fp32", minus, "fp32", b), -1 - step);
}

TEST(RoundedDot, RoundsAfterEachAdditionInTheOrderOfK) {
  EXPECT_EQ(sum_of("fp16", {2048, 1, 1}), 2048);
  EXPECT_EQ(sum_of("fp16", {1, 1, 2048}), 2050);
  EXPECT_EQ(sum_of("exact:fp16", {2048, 1, 1}), 2050);
}

TEST(RoundedDot, OverflowsAsTheFormatsStandardSays) {
  EXPECT_EQ(sum_of("fp16", {-65504, -16}), -kInfinity);
  EXPECT_EQ(sum_of("fp16", {65504, 15}), 65504);
  EXPECT_TRUE(std::isnan(sum_of("e4m3fn", {448, 32})));
  EXPECT_EQ(sum_of("e4m3fn", {448, 16}), 448);  // a tie, to the even code
  EXPECT_EQ(sum_of("e4m3f", {480, 480}), 480);
}

TEST(ChunkedDot, AddsChunksInTheOuterFormat) {
  // fp16 inside: 2048 + 1 stays. Chunks of two: (2048 + 1) + (1 + 1) = 2048 + 2.
  EXPECT_EQ(sum_of("chunk:2:fp16:fp32", {2048, 1, 1, 1, 1}), 2051);
  EXPECT_EQ(sum_of("chunk:3:fp16:fp32", {2048, 1, 1, 1, 1}), 2050);
  EXPECT_EQ(sum_of("chunk:1:fp16:fp32", {2048, 1, 1, 1, 1}), 2052);
}

TEST(ChunkedDot, SavesALongSumInSixteenBitsAsWangEtAlReport) {
  // Wang et al. 2018 (arXiv 1812.08011): a sum of 65,536 uniform numbers of mean 1 in 1-6-9 stalls
  // at about 2^11; chunks of 64 follow the truth. The sum's own deviation is 148 (0.2 %).
  std::mt19937_64 random(test_seed(2018));
  std::uniform_real_distribution<double> uniform(0.0, 2.0);
  const Format format = parse_format("e5m2");
  std::vector<double> numbers(65536);
  double truth = 0;
  for (double& x : numbers) {
    x = round_to_format(format, uniform(random));
    truth += x;
  }
  EXPECT_LT(sum_of("e6m9", numbers), 0.05 * truth);
  EXPECT_NEAR(sum_of("chunk:64:e6m9:e6m9", numbers) / truth, 1.0, 0.02);
  EXPECT_EQ(sum_of("exact", numbers), static_cast<float>(truth));
}

TEST(FusedDot, TruncatesWhatLiesBelowTheLastFractionBit) {
  EXPECT_EQ(sum_of("hopper-fp8", {1, 0x1p-13}, "fp16"), 1 + 0x1p-13);
  EXPECT_EQ(sum_of("hopper-fp8", {1, 0x1p-14, 0x1p-14}, "fp16"), 1);  // each by itself
  EXPECT_EQ(sum_of("hopper-fp8", {1, -0x1p-14}, "fp16"), 1);          // toward zero
  EXPECT_EQ(sum_of("hopper-fp8", {-1, 0x1p-14}, "fp16"), -1);
}

TEST(FusedDot, AlignsToTheSumOfTheFactorsExponents) {
  // 1.5 * 1.5 = 2.25 has exponent 0 + 0, so 2^-13 is kept by the alignment; the result's own
  // exponent is 1, whose 13 fraction bits end at 2^-12.
  const std::vector<double> a{1.5, 0x1p-13};
  const std::vector<double> b{1.5, 1};
  EXPECT_EQ(dot_of("fused:32:13:23", "fp16", a, "fp16", b), 2.25 + 0x1p-13);
  EXPECT_EQ(dot_of("fused:32:13:13", "fp16", a, "fp16", b), 2.25);
}

TEST(FusedDot, ASubnormalHasTheExponentOfTheSmallestNormal) {
  // e4m3fn: 2^-9 is subnormal, of exponent -6. With F = 10 all below 2^-16 goes, 2^-18 too.
  const std::vector<double> a{0x1p-9, 0x1p-9};
  const std::vector<double> b{1, 0x1p-9};
  EXPECT_EQ(dot_of("fused:8:10:23", "e4m3fn", a, "e4m3fn", b), 0x1p-9);
  EXPECT_EQ(dot_of("fused:8:12:23", "e4m3fn", a, "e4m3fn", b), 0x1p-9 + 0x1p-18);
  EXPECT_EQ(dot_of("fused:8:10:23", "fp16", a, "fp16", b), 0x1p-9 + 0x1p-18);  // normal there
}

TEST(FusedDot, TheRunningValueIsAlignedWithTheNextGroup) {
  EXPECT_EQ(sum_of("fused:2:4:23", {16, 0, 0.5, 0.5}), 16);   // 16 has quantum 1
  EXPECT_EQ(sum_of("fused:4:4:23", {0.5, 0.5, 0, 16}), 16);   // in one group, each alone
  EXPECT_EQ(sum_of("fused:2:4:23", {0.5, 0.5, 16, 0}), 17);   // summed before
  EXPECT_EQ(sum_of("fused:2:4:23", {0.75, 0.5, 16, 0}), 17);  // then truncated: 1.25 -> 1
  EXPECT_EQ(sum_of("fused:2:4:2", {16, 0, 3, 0}), 16);        // 19 has two fraction bits: 16
  EXPECT_EQ(sum_of("fused:2:4:2", {16, 4}), 20);
}

TEST(FusedDot, InfinitiesAndNansFollowIeee754) {
  const auto bits = [](const char* accumulator, const std::vector<double>& a,
                       const std::vector<double>& b) {
    const double result = dot_of(accumulator, "bf16", a, "bf16", b);
    return std::bit_cast<std::uint32_t>(result_as_float(parse_accumulator(accumulator), result));
  };
  EXPECT_EQ(bits("hopper-fp16", {kInfinity, 1}, {2, 1}), 0x7f800000u);
  EXPECT_EQ(bits("hopper-fp16", {kInfinity, 1}, {-2, 1}), 0xff800000u);
  EXPECT_EQ(bits("hopper-fp16", {kInfinity}, {0}), 0x7fffffffu);
  EXPECT_EQ(bits("hopper-fp16", {kInfinity, -kInfinity}, {1, 1}), 0x7fffffffu);
  EXPECT_EQ(bits("volta-fp16", {1, 1, 1, 1, NAN}, {1, 1, 1, 1, 0}), 0x7fffffffu);
  EXPECT_EQ(bits("fp32", {kInfinity}, {0}), 0x7fc00000u);
  EXPECT_EQ(bits("exact", {kInfinity, -kInfinity}, {1, 1}), 0x7fc00000u);
  EXPECT_EQ(bits("hopper-fp16", {0x1p127}, {-2}), 0xff800000u);         // overflow
  EXPECT_EQ(bits("hopper-fp16", {1, -1}, {1, 1}), 0u);                  // an exact zero is +0
  EXPECT_EQ(bits("hopper-fp16", {-0x1p-100}, {0x1p-50}), 0x80000000u);  // truncated to -0
}

TEST(ExactDot, CancelsOverTheWholeRange) {
  const std::vector<double> a{0x1p127, 0x1p-149, -0x1p127};
  const std::vector<double> b{0x1p127, 1, 0x1p127};
  EXPECT_EQ(dot_of("exact", "fp32", a, "fp32", b), 0x1p-149);
}

TEST(Dot, EmptySumsArePositiveZero) {
  for (const char* accumulator : {"fp32", "chunk:4:fp16:fp32", "hopper-fp8", "exact"}) {
    const double sum = sum_of(accumulator, {});
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum), 0u) << accumulator;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum_of(accumulator, {-0.0})), 0u) << accumulator;
  }
}

TEST(Dot, RefusesTwoLengths) {
  EXPECT_THROW(dot_of("fp32", "fp32", {1, 2}, "fp32", {1}), std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
