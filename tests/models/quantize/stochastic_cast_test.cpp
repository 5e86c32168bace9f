// Stochastic casts as a distribution: probability, mean, variance, independence of neighbours.
// Each statistic is a z-score over n = 2^20 casts with fixed seeds. |z| < 5 fails by chance with
// probability 6e-7; with about 200 statistics a change of seed raises a false alarm once in 8,000.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kCasts = std::size_t{1} << 20;
constexpr double kMostSigma = 5;

struct Case {
  const char* format;
  double lo;
  double hi;
};

// Neighbours in the normal range, across a binade, among the subnormals and next to zero.
constexpr Case kCases[] = {{"e4m3fn", 16, 18},
                           {"e4m3fn", 15, 16},
                           {"e5m2", 0x1p-15, 0x3p-16},
                           {"e2m1fn", 0, 0.5},
                           {"bf16", 1, 1.0078125}};

// 1 where element i was rounded up.
std::vector<double> ups(const Case& one, double fraction, const char* rounding,
                        std::uint64_t seed) {
  const Quantizer quantizer(parse_format(one.format), {.rounding = parse_rounding(rounding)});
  const std::vector<float> in(kCasts, static_cast<float>(one.lo + fraction * (one.hi - one.lo)));
  std::vector<float> out(kCasts);
  quantizer.to_values(in, out, 1.0f, CounterRandom(Seed{seed}));
  std::vector<double> up(kCasts);
  for (std::size_t i = 0; i < kCasts; ++i) {
    const auto value = static_cast<double>(out[i]);
    EXPECT_TRUE(value == one.lo || value == one.hi) << value;
    up[i] = value == one.hi ? 1 : 0;
  }
  return up;
}

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum / static_cast<double>(x.size());
}

class StochasticCast : public testing::TestWithParam<Case> {};

TEST_P(StochasticCast, GoesUpWithTheProbabilityOfTheFraction) {
  for (const double fraction : {1.0 / 16, 0.25, 0.5, 11.0 / 16}) {
    for (const char* rounding : {"sr:24", "sru:8", "sr:4"}) {  // fractions of 4 bits: none is cut
      const double share = mean(ups(GetParam(), fraction, rounding, 11));
      const double error = std::sqrt(fraction * (1 - fraction) / kCasts);
      EXPECT_LT(std::fabs(share - fraction), kMostSigma * error) << fraction << " " << rounding;
    }
  }
}

// The number of ups over blocks of 64 elements is binomial: its variance says whether elements
// near each other are independent, at every distance within a block at once.
TEST_P(StochasticCast, CountsOverBlocksHaveTheBinomialVariance) {
  constexpr std::size_t kBlock = 64;
  const double fraction = 0.25;
  const auto up = ups(GetParam(), fraction, "sr:24", 12);
  std::vector<double> squares;
  for (std::size_t begin = 0; begin < kCasts; begin += kBlock) {
    double count = 0;
    for (std::size_t i = 0; i < kBlock; ++i) count += up[begin + i];
    squares.push_back((count - kBlock * fraction) * (count - kBlock * fraction));
  }
  const double variance = kBlock * fraction * (1 - fraction);
  // Var of a squared binomial deviation is about 2 variance^2 (kurtosis 3 - small).
  const double error = variance * std::sqrt(2.0 / static_cast<double>(squares.size()));
  EXPECT_LT(std::fabs(mean(squares) - variance), kMostSigma * error);
}

TEST_P(StochasticCast, NeighboursAreUncorrelated) {
  const double fraction = 0.5;
  const auto up = ups(GetParam(), fraction, "sr:24", 13);
  for (const std::size_t distance : {1u, 2u, 3u, 4u, 8u, 16u, 32u, 1024u, 65536u}) {
    double sum = 0;
    for (std::size_t i = 0; i + distance < kCasts; ++i) {
      sum += (up[i] - fraction) * (up[i + distance] - fraction);
    }
    const auto n = static_cast<double>(kCasts - distance);
    const double error = fraction * (1 - fraction) / std::sqrt(n);
    EXPECT_LT(std::fabs(sum / n), kMostSigma * error) << "distance " << distance;
  }
}

TEST_P(StochasticCast, SeedsAreUncorrelated) {
  const double fraction = 0.5;
  const auto one = ups(GetParam(), fraction, "sr:24", 14);
  const auto other = ups(GetParam(), fraction, "sr:24", 15);
  double sum = 0;
  for (std::size_t i = 0; i < kCasts; ++i) sum += (one[i] - fraction) * (other[i] - fraction);
  const double error = fraction * (1 - fraction) / std::sqrt(static_cast<double>(kCasts));
  EXPECT_LT(std::fabs(sum / static_cast<double>(kCasts)), kMostSigma * error);
}

INSTANTIATE_TEST_SUITE_P(Neighbours, StochasticCast, testing::ValuesIn(kCases),
                         [](const auto& row) {
                           return std::string(row.param.format) + "_" + std::to_string(row.index);
                         });

}  // namespace
}  // namespace gradpath
