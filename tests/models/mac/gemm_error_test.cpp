#include "models/mac/gemm_error.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"

namespace gradpath {
namespace {

TEST(GemmError, CountsInUlpsOfTheFormat) {
  // e5m2: spacing 1/4 between 1 and 2, 1/2 between 2 and 4, 2^-16 below 2^-14.
  const std::vector<double> reference{1.0, 1.0, 3.0, -3.0, 0.0, 0x1p-15, INFINITY, 1.0};
  const std::vector<float> results{1.0f, 1.125f, 4.0f, -1.0f, 0x1p-16f, 0x1p-15f, 1.0f, NAN};
  const GemmError error = gemm_error(results, reference, parse_format("e5m2"));
  EXPECT_EQ(error.elements, 8u);
  EXPECT_EQ(error.not_finite, 2u);
  EXPECT_EQ(error.max_absolute, 2.0);
  EXPECT_DOUBLE_EQ(error.mean_absolute, (0.125 + 1 + 2 + 0x1p-16) / 6);
  EXPECT_EQ(error.max_ulp, 4.0);
  EXPECT_DOUBLE_EQ(error.mean_ulp, (0.5 + 2 + 4 + 1) / 6);
  EXPECT_DOUBLE_EQ(error.max_relative, 2.0 / 3);
  EXPECT_DOUBLE_EQ(error.mean_relative, (0.125 + 1.0 / 3 + 2.0 / 3) / 5);  // without the zero
  std::vector<std::uint64_t> counts;
  for (const UlpBin& bin : error.histogram) counts.push_back(bin.count);
  counts.resize(6);
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{2, 1, 1, 1, 1, 0}));  // 0, 1/2, 1, 2, 4, 8
  EXPECT_EQ(error.histogram.back().ulp_to, INFINITY);
}

TEST(GemmError, AnUlpIsThatOfTheSumBeforeItsScaleWasUndone) {
  const std::vector<double> reference{1.0};
  const std::vector<float> results{1.25f};
  EXPECT_EQ(gemm_error(results, reference, parse_format("e5m2")).max_ulp, 1.0);
  EXPECT_EQ(gemm_error(results, reference, parse_format("e5m2"), 0x1p-15).max_ulp, 0.5);
  EXPECT_THROW(gemm_error(results, {}, parse_format("e5m2")), std::invalid_argument);
}

TEST(ReferenceRow, MultipliesInDouble) {
  std::vector<double> d(2);
  reference_row(std::vector<double>{1, 2, -1}, std::vector<double>{1, 4, 2, 5, 3, 6}, d);
  EXPECT_EQ(d, (std::vector<double>{2, 8}));
}

}  // namespace
}  // namespace gradpath
