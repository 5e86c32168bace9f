#include "models/scale/scale.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"

namespace gradpath {
namespace {

double max_finite_of(const char* format) { return max_finite(parse_format(format)); }

float scale_of(const char* policy, const char* format, double amax) {
  return resolve_scale(parse_scale(policy), parse_format(format),
                       {.amax = amax, .expected_max = amax});
}

TEST(Scale, AmaxPo2IsTheLargestPowerOfTwoThatDoesNotOverflow) {
  EXPECT_EQ(scale_of("amax-po2", "e4m3fn", 448), 1.0f);
  EXPECT_EQ(scale_of("amax-po2", "e4m3fn", 448.001), 0.5f);
  EXPECT_EQ(scale_of("amax-po2", "e4m3fn", 224), 2.0f);
  EXPECT_EQ(scale_of("amax-po2", "e5m2", 1.0), 32768.0f);
  EXPECT_EQ(scale_of("expected-max", "e5m2", 1.0), 32768.0f);
  for (const double amax : {1e-30, 3.7e-5, 0.9999, 1.0, 1.75, 6.1e4, 3e38}) {
    for (const char* format : {"e5m2", "e4m3fn", "e3m2fn", "e2m1fn", "bf16"}) {
      const double scale = scale_of("amax-po2", format, amax);
      const double top = max_finite_of(format);
      EXPECT_LE(amax * scale, top) << format << " " << amax;
      if (scale < 0x1p127) {
        EXPECT_GT(2 * amax * scale, top) << format << " " << amax;
      }
    }
  }
}

TEST(Scale, AmaxMapsTheLargestToTheLargest) {
  EXPECT_EQ(scale_of("amax", "e4m3fn", 7.0), 64.0f);
  EXPECT_EQ(scale_of("amax", "e2m1fn", 9.0), 6.0f / 9.0f);
}

TEST(Scale, IsOneWhereThereIsNothingToScale) {
  EXPECT_EQ(scale_of("amax", "e5m2", 0.0), 1.0f);
  EXPECT_EQ(scale_of("amax-po2", "e5m2", 0.0), 1.0f);
  EXPECT_EQ(scale_of("amax-po2", "e5m2", std::numeric_limits<double>::infinity()), 1.0f);
}

TEST(Scale, StaysInsideFp32) {
  EXPECT_EQ(scale_of("amax-po2", "e5m2", 0x1p-149), 0x1p127f);
  EXPECT_EQ(scale_of("amax", "e5m2", 0x1p-149), 0x1p127f);
}

TEST(Scale, NamesReadBack) {
  for (const char* name : {"none", "amax", "amax-po2", "expected-max", "0.25", "1000"}) {
    EXPECT_EQ(scale_name(parse_scale(name)), name);
  }
  for (const char* name : {"", "0", "-1", "inf", "nan", "1x", "amax_po2", "1e-45"}) {
    EXPECT_THROW(static_cast<void>(parse_scale(name)), UserError) << name;
  }
}

}  // namespace
}  // namespace gradpath
