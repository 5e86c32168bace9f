#include "models/mac/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>

#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

namespace mp = boost::multiprecision;
using cpp_int =
    mp::number<mp::cpp_int_backend<2048, 2048, mp::signed_magnitude, mp::unchecked, void>>;

double sum_of(const std::vector<double>& numbers) {
  ExactSum sum;
  for (const double x : numbers) sum.add(x);
  return sum.rounded_to_odd();
}

// The same in Boost's integers, in units of 2^-700: 53 bits toward zero, the last one set if
// anything was lost.
double boost_sum(const std::vector<double>& numbers) {
  cpp_int sum = 0;
  for (const double x : numbers) {
    int exponent = 0;
    const auto significand = static_cast<std::int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
    sum += cpp_int(significand) * (cpp_int(1) << (exponent - 53 + 700));
  }
  if (sum == 0) return 0;
  const cpp_int magnitude = abs(sum);
  const int drop = std::max(0, static_cast<int>(msb(magnitude)) - 52);
  auto kept = static_cast<std::uint64_t>(magnitude >> drop);
  if (cpp_int(kept) << drop != magnitude) kept |= 1;
  return std::ldexp(static_cast<double>(kept) * (sum < 0 ? -1 : 1), drop - 700);
}

TEST(ExactSum, EqualsIntegersOfAnyLength) {
  std::mt19937_64 random(test_seed(2013));
  for (int i = 0; i < 3000; ++i) {
    const int spread = 1 << (i % 10);
    std::uniform_int_distribution<int> exponent(-600 + 520 - spread / 2, -600 + 520 + spread / 2);
    std::vector<double> numbers(static_cast<std::size_t>(1 + i % 37));
    for (double& x : numbers) {
      const double significand = 1.0 + static_cast<double>(random() >> 12) * 0x1p-52;
      x = std::ldexp(significand, exponent(random)) * (random() % 2 == 0 ? 1 : -1);
    }
    const std::size_t half = i % 3 == 0 ? numbers.size() / 2 : 0;  // cancellation
    for (std::size_t k = 0; k < half; ++k) numbers[half + k] = -numbers[k];
    ASSERT_EQ(std::bit_cast<std::uint64_t>(sum_of(numbers)),
              std::bit_cast<std::uint64_t>(boost_sum(numbers)))
        << "case " << i;
  }
}

TEST(ExactSum, KeepsBothEndsOfItsRange) {
  EXPECT_EQ(sum_of({0x1p512, 0x1p-600, -0x1p512}), 0x1p-600);
  EXPECT_EQ(sum_of({-0x1p512, 0x1p-600}), -std::nextafter(0x1p512, 0));  // rounded to odd
  EXPECT_EQ(sum_of({0x1p512, 0x1p-600}), std::nextafter(0x1p512, INFINITY));
}

TEST(ExactSum, InfinitiesAndNansFollowIeee754) {
  EXPECT_EQ(sum_of({1, -INFINITY, 5}), -INFINITY);
  EXPECT_TRUE(std::isnan(sum_of({INFINITY, 1, -INFINITY})));
  EXPECT_TRUE(std::isnan(sum_of({NAN, INFINITY})));
}

TEST(ExactSum, RefusesWhatItCannotHold) {
  ExactSum sum;
  EXPECT_THROW(sum.add(0x1p513), std::out_of_range);
  EXPECT_THROW(sum.add(0x1p-601), std::out_of_range);
}

}  // namespace
}  // namespace gradpath
