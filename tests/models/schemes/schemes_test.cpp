// Schemes: what holds for all of them, and grids small enough to enumerate. Bit-exactness on real
// shapes of data is tests/oracle/schemes_oracle.py's question.
#include "models/schemes/schemes.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/schemes/aciq.hpp"
#include "models/schemes/piecewise.hpp"
#include "tests/models/random_tensor.hpp"
#include "tests/models/schemes/prepared.hpp"

namespace gradpath {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string message(std::string_view specification) {
  try {
    (void)parse_scheme(specification);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SchemeNames, AreReadBackAndShortFormsHaveTheirDefaults) {
  for (const std::string& name : all_specifications()) EXPECT_EQ(parse_scheme(name)->name(), name);
  EXPECT_EQ(parse_scheme("int8")->name(), "int:8:real:rne");
  EXPECT_EQ(parse_scheme("int16:po2")->name(), "int:16:po2:rne");
  EXPECT_EQ(parse_scheme("int:4:sr")->name(), "int:4:real:sr");
  EXPECT_EQ(parse_scheme("wage:8")->name(), "wage:8:sr");
  EXPECT_EQ(parse_scheme("banner:8")->name(), "banner:8:sr");
  EXPECT_EQ(parse_scheme("aciq:4")->name(), "aciq:4:laplace");
}

TEST(SchemeNames, BadOnesAreRefusedByName) {
  for (const char* bad : {"",
                          "int",
                          "int:",
                          "int:1",
                          "int:17",
                          "int:8:",
                          "int:8:up",
                          "int:8:rne:real",
                          "int:8x",
                          "int8:int8",
                          "in8",
                          "int:-8",
                          "wage",
                          "wage:8:po2",
                          "banner:0",
                          "aciq:4:normal",
                          "aciq:",
                          "piecewise:1",
                          "piecewise:13",
                          "luq",
                          "luq:31",
                          "luq:6:rne",
                          "luq:6:",
                          "hfp8:sideways",
                          "hfp88",
                          "signsgd:1",
                          "codebook",
                          "codebook:",
                          "codebook:amax:",
                          "INT8"}) {
    EXPECT_NE(message(bad).find("'" + std::string(bad) + "'"), std::string::npos) << message(bad);
  }
  EXPECT_NE(message("fp8").find("luq:L[:nearest]"), std::string::npos);
}

TEST(Integers, OfEveryWidthRoundEverySixteenthToNearestEven) {
  for (int bits = 2; bits <= 6; ++bits) {
    const int limit = (1 << (bits - 1)) - 1;
    // amax is the limit, so the scale is 1.
    std::vector<float> in;
    for (int s = -16 * limit; s <= 16 * limit; ++s) in.push_back(static_cast<float>(s) / 16.0f);
    const auto scheme = prepared("int" + std::to_string(bits), in);
    EXPECT_EQ(scheme->info().scale, 1.0f);
    const auto codes = codes_of(*scheme, in);
    for (int s = -16 * limit; s <= 16 * limit; ++s) {
      const int magnitude = std::abs(s);
      int expected = magnitude / 16;
      const int rest = magnitude % 16;
      if (rest > 8 || (rest == 8 && expected % 2 == 1)) ++expected;
      ASSERT_EQ(codes[static_cast<std::size_t>(s + 16 * limit)], s < 0 ? -expected : expected)
          << s << "/16 in " << bits << " bits";
    }
  }
}

TEST(Integers, PowerOfTwoScalesNeverClipAndUseOverHalfTheRange) {
  for (const float amax : {127.0f, 127.00001f, 126.9f, 64.0f, 63.5f, 63.4f, 1e-3f, 3e38f, 1e-35f}) {
    const auto scheme = prepared("int8:po2", std::vector<float>{amax, -amax / 3});
    const float scale = scheme->info().scale;
    int exponent = 0;
    EXPECT_EQ(std::frexp(scale, &exponent), 0.5f);
    EXPECT_LE(double{amax} * double{scale}, 127.0) << amax;
    EXPECT_GT(double{amax} * double{scale}, 63.5) << amax;
  }
  const auto tiny = prepared("int8:po2", std::vector<float>{1e-44f});  // the scale's own limit
  EXPECT_EQ(tiny->info().scale, 0x1p127f);
}

TEST(Wage, ShiftIsTheNearestPowerOfTwoOnTheLogScale) {
  // Shift changes at sqrt(2) = 1.41421356...: 2^7 / Shift.
  EXPECT_EQ(prepared("wage:8", std::vector<float>{1.0f})->info().scale, 128.0f);
  EXPECT_EQ(prepared("wage:8", std::vector<float>{1.4142135f})->info().scale, 128.0f);
  EXPECT_EQ(prepared("wage:8", std::vector<float>{1.4142137f})->info().scale, 64.0f);
  EXPECT_EQ(prepared("wage:8", std::vector<float>{-0.7071f})->info().scale, 256.0f);
  // The largest magnitude is 1 - 2^-7 of Shift: 1.4 is clipped to it.
  const std::vector<float> in = {1.4f, -1.4f, 0.5f};
  EXPECT_EQ(values_of(*prepared("wage:8:rne", in), in),
            (std::vector<float>{127.0f / 128.0f, -127.0f / 128.0f, 0.5f}));
}

TEST(Aciq, ClipsAreThePublishedOnes) {
  // arXiv 1810.05723: 2, 3 and 4 bits, to two decimals.
  EXPECT_NEAR(schemes::aciq_laplace_clip(2), 2.83, 0.006);
  EXPECT_NEAR(schemes::aciq_laplace_clip(3), 3.90, 0.006);
  EXPECT_NEAR(schemes::aciq_laplace_clip(4), 5.03, 0.006);
  EXPECT_NEAR(schemes::aciq_gauss_clip(2), 1.71, 0.006);
  EXPECT_NEAR(schemes::aciq_gauss_clip(3), 2.15, 0.006);
  EXPECT_NEAR(schemes::aciq_gauss_clip(4), 2.56, 0.006);
}

TEST(Aciq, RegionsHaveTheirMiddlesAndOutliersTheOutermost) {
  // Symmetric about 0; the deviations' mean is 1, so c = 2.83 of 8, in 4 regions.
  std::vector<float> in(14, 0.0f);
  in.insert(in.end(), {8.0f, -8.0f});
  const auto scheme = prepared("aciq:2", in);
  const auto c = static_cast<float>(schemes::aciq_laplace_clip(2));
  EXPECT_EQ(
      codes_of(*scheme, std::vector<float>{-8, -0.6f * c, -0.4f * c, 0, 0.4f * c, 0.6f * c, 8}),
      (std::vector<std::int32_t>{0, 0, 1, 2, 2, 3, 3}));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(scheme->info().book[i], (static_cast<float>(i) - 1.5f) * c / 2.0f, 1e-6f);
  }
}

TEST(Piecewise, BreakpointsAreNearThePublishedFits) {
  // arXiv 2002.00104: p = ln(0.8614 m + 0.6079) (normal), 0.8030 sqrt(m) - 0.3167 (Laplace).
  for (double m = 3; m <= 10; m += 0.5) {
    EXPECT_NEAR(schemes::piecewise_breakpoint(m, false), std::log(0.8614 * m + 0.6079), 0.05) << m;
    EXPECT_NEAR(schemes::piecewise_breakpoint(m, true), 0.8030 * std::sqrt(m) - 0.3167, 0.05) << m;
  }
}

TEST(Luq, NearestTakesTheCloserPowerAndTheMiddleUp) {
  // alpha = 64 / 2^6 = 1; the rule between powers is 2^floor(log2(4x/3)).
  std::vector<float> in = {64.0f};
  for (int q = 0; q <= 256; ++q) in.push_back(static_cast<float>(q) / 4.0f);
  const auto scheme = prepared("luq:6:nearest", in);
  const auto values = values_of(*scheme, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double x = double{in[i]};
    double expected = x < 0.5 ? 0.0 : 1.0;
    if (x >= 1.0) expected = std::exp2(std::floor(std::log2(4.0 * x / 3.0)));
    EXPECT_EQ(double{values[i]}, expected) << x;
  }
  EXPECT_EQ(scheme->info().bits, 4);
  EXPECT_EQ(scheme->info().book.size(), 15u);
}

TEST(Luq, PowersOfTwoBelowTheLargestNeverMove) {
  const CounterRandom random(Seed{test_seed(3)});
  for (const float amax : {1.0f, 1.9999999f, 3e-38f, 3.3e38f}) {
    for (int k = 0; k <= 6; ++k) {
      const std::vector<float> in(1000, -std::ldexp(amax, -k));
      const std::vector<float> tensor = {amax};
      if (std::ldexp(amax, -6) < 0x1p-126f) continue;  // alpha is kept normal
      EXPECT_EQ(values_of(*prepared("luq:6", tensor), in, random), in) << amax << " " << k;
    }
  }
}

TEST(SignSgd, GivesTheSignBitAndUnitOrMeanMagnitude) {
  const std::vector<float> in = {3.0f, -1.0f, 0.0f, -0.0f, kInfinity, -1e-45f};
  EXPECT_EQ(codes_of(*prepared("signsgd", in), in), (std::vector<std::int32_t>{1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(values_of(*prepared("signsgd", in), in), (std::vector<float>{1, -1, 1, -1, 1, -1}));
  const std::vector<float> finite = {3.0f, -1.0f, 0.0f, 0.0f};
  EXPECT_EQ(values_of(*prepared("signsgd:mean", finite), finite),
            (std::vector<float>{1, -1, 1, 1}));
}

TEST(Hfp8, TakesTheFormatOfThePassFromTheName) {
  const std::vector<float> in = {1.0f + 0.125f, 20.0f, -57344.0f};
  // 1.125 needs 3 mantissa bits; 20 lies past 15, the largest of 1-4-3 with bias 11.
  for (const char* name : {"step0/l/input", "step0/l/weight", "input"}) {
    EXPECT_EQ(values_of(*prepared("hfp8", in, {}, name), in),
              (std::vector<float>{1.125f, kInfinity, -kInfinity}))
        << name;
  }
  EXPECT_EQ(values_of(*prepared("hfp8", in, {}, "step0/l/grad_output"), in),
            (std::vector<float>{1.0f, 20.0f, -57344.0f}));
  EXPECT_EQ(values_of(*prepared("hfp8:backward", in, {}, "x"), in)[1], 20.0f);
  EXPECT_THROW((void)prepared("hfp8", in, {}, "step0/l/bias"), UserError);
}

TEST(Hfp8, HasANanOfItsOwn) {
  for (const char* name : {"hfp8", "hfp8:forward", "hfp8:backward"}) {
    EXPECT_TRUE(std::isnan(values_of(*prepared(name, std::vector{1.0f}), std::vector{kNan})[0]));
  }
}

// ---- all schemes

class EveryScheme : public testing::TestWithParam<std::string> {};

TEST_P(EveryScheme, ValuesAreDecodedCodesOfTheBook) {
  auto in = lognormal_tensor(test_seed(5), 5000, -6, 2, 0.1);
  const auto scheme = prepared(GetParam(), in);
  in.insert(in.end(), {kInfinity, -kInfinity});
  const CounterRandom random(Seed{9});
  const auto codes = codes_of(*scheme, in, random);
  const auto values = values_of(*scheme, in, random);
  std::vector<float> decoded(in.size());
  scheme->decode(codes, decoded);
  EXPECT_EQ(decoded, values);
  const SchemeInfo& info = scheme->info();
  EXPECT_LE(info.book.size(), std::size_t{1} << info.bits);
  for (std::size_t i = 0; i < in.size(); ++i) {
    ASSERT_GE(codes[i], info.first_code);
    const auto place = static_cast<std::size_t>(codes[i] - info.first_code);
    ASSERT_LT(place, info.book.size());
    ASSERT_EQ(info.book[place], values[i]);
  }
}

TEST_P(EveryScheme, ResultsDoNotDependOnThePiecesNorOnThe32BitIndex) {
  const auto in = lognormal_tensor(test_seed(6), 3000, 0, 2);
  const auto scheme = prepared(GetParam(), in);
  const CounterRandom random(Seed{4});
  const std::uint64_t first = (std::uint64_t{1} << 32) - 1300;
  const auto whole = codes_of(*scheme, in, random, first);
  std::vector<std::int32_t> pieces;
  for (std::size_t at = 0, size = 1; at < in.size(); at += size, size = size * 3 % 1031) {
    const auto piece = std::span(in).subspan(at, std::min(size, in.size() - at));
    const auto codes = codes_of(*scheme, piece, random, first + at);
    pieces.insert(pieces.end(), codes.begin(), codes.end());
  }
  EXPECT_EQ(pieces, whole);
}

TEST_P(EveryScheme, WithoutNumbersOrWithZerosAloneStillWorks) {
  for (const std::vector<float>& in : {std::vector<float>{}, std::vector<float>(3, 0.0f),
                                       std::vector<float>{kInfinity, -kInfinity}}) {
    const auto scheme = prepared(GetParam(), in);
    const auto values = values_of(*scheme, in);
    const auto zero = values_of(*scheme, std::vector<float>{0.0f});
    if (!in.empty() && in[0] == 0.0f && !GetParam().starts_with("signsgd")) {
      EXPECT_EQ(values, std::vector<float>(3, 0.0f));
    }
    EXPECT_FALSE(std::isnan(zero[0]));
  }
}

class SchemeWithoutANan : public EveryScheme {};

TEST_P(SchemeWithoutANan, NanIsAnErrorZeroOrTheExtremeOfItsSign) {
  std::vector<float> in(2000, 1.0f);
  in[0] = -2.0f;
  const auto statistics_only = in;
  in[1500] = kNan;
  in[1600] = -kNan;
  try {
    (void)codes_of(*prepared(GetParam(), statistics_only), in, CounterRandom(Seed{}), 100);
    ADD_FAILURE() << "accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("element 1600 "), std::string::npos) << error.what();
  }
  auto plain = in;
  plain[1500] = plain[1600] = 0.0f;
  EXPECT_EQ(codes_of(*prepared(GetParam(), in, NanPolicy::zero), in),
            codes_of(*prepared(GetParam(), statistics_only), plain));
  const auto codes = codes_of(*prepared(GetParam(), in, NanPolicy::max), in);
  const SchemeInfo info = prepared(GetParam(), in)->info();
  EXPECT_EQ(codes[1500], info.first_code + static_cast<std::int32_t>(info.book.size()) - 1);
  EXPECT_EQ(codes[1600], info.first_code);
}

INSTANTIATE_TEST_SUITE_P(Schemes, EveryScheme, testing::ValuesIn(all_specifications()));

std::vector<std::string> without_hfp8() {
  std::vector<std::string> chosen = all_specifications();
  std::erase_if(chosen, [](const std::string& name) { return name.starts_with("hfp8"); });
  return chosen;
}
INSTANTIATE_TEST_SUITE_P(Schemes, SchemeWithoutANan, testing::ValuesIn(without_hfp8()));

TEST(SchemeStatistics, AreThoseOfTheFiniteElementsWhateverTheSlices) {
  auto values = lognormal_tensor(test_seed(8), kStatisticsSlice + 12345, 1, 0.5, 0.2);
  long double sum = 0;
  long double magnitudes = 0;
  for (const float x : values) {
    sum += x;
    magnitudes += std::abs(x);
  }
  const auto n = static_cast<long double>(values.size());
  const long double mean = sum / n;
  long double squares = 0;
  long double deviations = 0;
  for (const float x : values) {
    squares += (x - mean) * (x - mean);
    deviations += std::abs(x - mean);
  }
  values.insert(values.begin() + 7, {kInfinity, kNan, -kInfinity});
  const SchemeStatistics found = tensor_statistics(values);
  EXPECT_EQ(found.count, values.size() - 3);
  const auto near = [](double a, long double b, double tolerance) {
    EXPECT_NEAR(a, static_cast<double>(b), tolerance * std::abs(static_cast<double>(b)));
  };
  near(found.mean, mean, 1e-9);  // of two halves that nearly cancel
  near(found.standard_deviation(), std::sqrt(squares / n), 1e-12);
  near(found.mean_magnitude(), magnitudes / n, 1e-12);
  near(found.mean_deviation(), deviations / n, 1e-12);
  EXPECT_EQ(static_cast<float>(found.amax()),
            std::max(static_cast<float>(found.greatest), -static_cast<float>(found.least)));
}

}  // namespace
}  // namespace gradpath
