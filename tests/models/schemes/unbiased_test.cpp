// The stochastic schemes keep the mean: many roundings of one element average to it.
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/models/random_tensor.hpp"
#include "tests/models/schemes/prepared.hpp"

namespace gradpath {
namespace {

class Unbiased : public testing::TestWithParam<const char*> {};

TEST_P(Unbiased, MeanOfManyRoundingsIsTheElementWithinSixStandardErrors) {
  constexpr std::size_t kTimes = 1 << 15;
  const CounterRandom random(Seed{test_seed(11)});
  // On and between the values of every scheme.
  const std::vector<float> elements = {1.0f,   -1.0f,  0.85f, -0.61f,   0.33f, 0.1f,
                                       -0.07f, 0.013f, 4e-3f, -1.1e-3f, 2e-5f, 0.0f};
  const auto scheme = prepared(GetParam(), elements);
  std::uint64_t first = 0;
  int between = 0;
  int clipped = 0;
  for (const float x : elements) {
    if (std::abs(double{x}) > scheme->info().highest) {  // WAGE clips what is above 1 - 2^(1-B)
      ++clipped;
      continue;
    }
    const std::vector<float> in(kTimes, x);
    const std::vector<float> out = values_of(*scheme, in, random, first);
    first += kTimes;
    double sum = 0;
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const float y : out) {
      sum += double{y};
      least = std::min(least, double{y});
      most = std::max(most, double{y});
    }
    const double gap = most - least;
    if (gap == 0) {
      // Never moved: x is a value, to the rounding of fp32, or so near to one that not moving once
      // has a chance above e^-20 (no gap is above 1).
      EXPECT_NEAR(double{x}, least, 20.0 / kTimes + 1e-6 * std::abs(least)) << GetParam();
      continue;
    }
    ++between;
    EXPECT_LE(least, double{x});
    EXPECT_GE(most, double{x});
    const double share = (double{x} - least) / gap;
    const double error = gap * std::sqrt(share * (1 - share) / kTimes);
    // A false alarm in 5e8 elements.
    EXPECT_NEAR(sum / kTimes, double{x}, 6 * error + gap * 0x1p-22) << GetParam() << " of " << x;
  }
  EXPECT_LE(clipped, std::string_view(GetParam()).starts_with("wage") ? 2 : 0);
  EXPECT_GE(between, 6) << "too few elements between two values: the test says nothing";
}

INSTANTIATE_TEST_SUITE_P(Schemes, Unbiased,
                         testing::Values("int:4:real:sr", "int:8:sr", "int:3:po2:sr", "wage:8",
                                         "wage:4", "banner:4", "banner:8", "luq:6", "luq:4",
                                         "luq:0"));

}  // namespace
}  // namespace gradpath
