// The panel kernel against the plain loop, and the plain loop against numbers worked out by hand.
#include "models/mac/gemm.hpp"

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/seed.hpp"

namespace gradpath {
namespace {

SparsePanel panel_of(const std::vector<float>& a, std::size_t rows, std::size_t k,
                     std::size_t first, std::uint32_t extent) {
  SparsePanel panel{.rows = rows, .extent = extent, .row_begin = {0}, .offsets = {}, .values = {}};
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::uint32_t o = 0; o < extent; ++o) {
      const float value = a[r * k + first + o];
      if (value == 0.0f) continue;
      panel.offsets.push_back(o);
      panel.values.push_back(value);
    }
    panel.row_begin.push_back(panel.offsets.size());
  }
  return panel;
}

TEST(GemmReference, RoundsEverySumToFloatInTheOrderOfK) {
  // 2^24 + 1 is not a float: adding 1 twice to 2^24 stays there, but 1 + 1 first gives 2^24 + 2.
  const float big = 16777216.0f;
  const std::vector<float> ones{1, 1, 1};
  std::vector<float> d(1);
  gemm_reference(std::vector<float>{big, 1, 1}, ones, d, 1, 1, 3);
  EXPECT_EQ(d[0], big);
  gemm_reference(std::vector<float>{1, 1, big}, ones, d, 1, 1, 3);
  EXPECT_EQ(d[0], big + 2);
}

TEST(GemmReference, SkipsZerosEvenAgainstInfinityAndNan) {
  std::vector<float> d(2);
  gemm_reference(std::vector<float>{0.0f, 2.0f, -0.0f},
                 std::vector<float>{INFINITY, NAN, 3, 4, NAN, INFINITY}, d, 1, 2, 3);
  EXPECT_EQ(d[0], 6.0f);
  EXPECT_EQ(d[1], 8.0f);
}

TEST(GemmReference, AnEmptySumIsPositiveZero) {
  std::vector<float> d(1, 7.0f);
  gemm_reference(std::vector<float>{-0.0f}, std::vector<float>{5}, d, 1, 1, 1);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(d[0]), 0u);
}

TEST(GemmReference, RefusesSizesThatDoNotFit) {
  std::vector<float> d(1);
  EXPECT_THROW(gemm_reference(std::vector<float>(2), std::vector<float>(3), d, 1, 1, 3),
               std::invalid_argument);
}

TEST(AccumulatePanel, EqualsThePlainLoopBitForBitForAllLengthsAndCuts) {
  std::mt19937_64 random(test_seed(20260702));
  std::normal_distribution<float> normal;
  std::bernoulli_distribution zero(0.6);
  for (std::int64_t n = 1; n <= 37; ++n) {
    const std::int64_t m = 1 + n % 7;
    const std::int64_t k = 3 * n + 2;
    std::vector<float> a(static_cast<std::size_t>(m * k));
    std::vector<float> b(static_cast<std::size_t>(k * n));
    for (float& x : a) x = zero(random) ? 0.0f : normal(random);
    for (float& x : b) x = normal(random);
    std::vector<float> expected(static_cast<std::size_t>(m * n));
    gemm_reference(a, b, expected, m, n, k);
    for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{5}, k}) {
      std::vector<float> sums(expected.size(), 0.0f);
      const MatrixOperand operand(b, k, n);
      for (std::int64_t first = 0; first < k; first += chunk) {
        const auto extent = static_cast<std::uint32_t>(std::min(chunk, k - first));
        std::vector<float> scratch;
        accumulate_block(panel_of(a, static_cast<std::size_t>(m), static_cast<std::size_t>(k),
                                  static_cast<std::size_t>(first), extent),
                         operand.read(first, extent, scratch), static_cast<std::size_t>(n),
                         sums.data(), static_cast<std::size_t>(n));
      }
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(sums[i]), std::bit_cast<std::uint32_t>(expected[i]))
            << "n " << n << " chunk " << chunk << " GRADPATH_TEST_SEED=" << test_seed(20260702);
      }
    }
  }
}

TEST(Unscale, DividesByOneScaleAfterTheOther) {
  std::vector<float> d{12.0f};
  unscale(d, 2.0f, 3.0f);
  EXPECT_EQ(d[0], 2.0f);
  // The product of the scales, 2^200, would overflow.
  std::vector<float> e{std::ldexp(1.0f, 100)};
  unscale(e, std::ldexp(1.0f, 100), std::ldexp(1.0f, 100));
  EXPECT_EQ(e[0], std::ldexp(1.0f, -100));
}

}  // namespace
}  // namespace gradpath
