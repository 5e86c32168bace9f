// The codecs against tables from outside: the standards' own printed constants, and casts computed
// by rational arithmetic in Python (tests/models/format/cast_oracle.py, run as a test of its own
// on the built program). What is checked here needs no program: properties of every format.
#include "models/format/codec.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"

namespace gradpath {
namespace {

struct Constants {
  const char* name;
  double max_finite;
  double min_normal;
  double min_subnormal;
  Code max_code;
};

// OCP OFP8 v1.0 table 1, OCP MX v1.0 tables 1-4, IEEE 754, arXiv 2206.02915 table 1.
constexpr Constants kPrinted[] = {
    {"fp32", 0x1.fffffep127, 0x1p-126, 0x1p-149, 0x7f7fffff},
    {"fp16", 65504, 0x1p-14, 0x1p-24, 0x7bff},
    {"bf16", 0x1.fep127, 0x1p-126, 0x1p-133, 0x7f7f},
    {"e5m2", 57344, 0x1p-14, 0x1p-16, 0x7b},
    {"e4m3fn", 448, 0x1p-6, 0x1p-9, 0x7e},
    {"e4m3", 240, 0x1p-6, 0x1p-9, 0x77},
    {"e3m4", 15.5, 0.25, 0x1p-6, 0x6f},
    {"e5m2fnuz", 57344, 0x1p-15, 0x1p-17, 0x7f},
    {"e4m3fnuz", 240, 0x1p-7, 0x1p-10, 0x7f},
    {"e4m3b11fnuz", 30, 0x1p-10, 0x1p-13, 0x7f},
    {"e3m2fn", 28, 0.25, 0.0625, 0x1f},
    {"e2m3fn", 7.5, 1, 0.125, 0x1f},
    {"e2m1fn", 6, 1, 0.5, 0x7},
};

class PrintedConstants : public testing::TestWithParam<Constants> {};

TEST_P(PrintedConstants, AreReached) {
  const auto& row = GetParam();
  const Format format = parse_format(row.name);
  EXPECT_EQ(max_finite(format), row.max_finite);
  EXPECT_EQ(min_normal(format), row.min_normal);
  EXPECT_EQ(min_subnormal(format), row.min_subnormal);
  EXPECT_EQ(format.max_finite_magnitude(), row.max_code);
  EXPECT_EQ(decode(format, row.max_code), row.max_finite);
}

INSTANTIATE_TEST_SUITE_P(Standards, PrintedConstants, testing::ValuesIn(kPrinted),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Codec, Dlfloat16HasNoSubnormalsAndZeroAtCodeZero) {
  const Format format = parse_format("dlfloat16");
  EXPECT_EQ(decode(format, 0), 0.0);
  EXPECT_EQ(decode(format, 1), std::ldexp(1 + 0x1p-9, -31));
  EXPECT_EQ(max_finite(format), std::ldexp(1 + 510.0 / 512, 32));
  EXPECT_TRUE(std::isnan(decode(format, 0x7fff)));
}

// IEEE P3109 (interim report 2024): bias 2^(K-P-1) signed, 2^(K-P) unsigned; one zero; NaN at 0x80
// (signed) or all ones (unsigned); infinities at 0x7f and 0xff, or just below the unsigned NaN.
TEST(Codec, P3109HasOneZeroOneNanAndItsBias) {
  const Format se = parse_format("binary8p3se");
  EXPECT_TRUE(std::isnan(decode(se, 0x80)));
  EXPECT_EQ(decode(se, 0x7f), std::numeric_limits<double>::infinity());
  EXPECT_EQ(decode(se, 0xff), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(decode(se, 0x40), 1.0);  // exponent field = bias, 16
  EXPECT_EQ(max_finite(se), 49152);
  EXPECT_EQ(min_subnormal(se), 0x1p-17);
  const Format sf = parse_format("binary8p3sf");
  EXPECT_EQ(sf, parse_format("e5m2fnuz"));
  const Format ue = parse_format("binary8p3ue");
  EXPECT_EQ(ue.bits(), 8);
  EXPECT_TRUE(std::isnan(decode(ue, 0xff)));
  EXPECT_EQ(decode(ue, 0xfe), std::numeric_limits<double>::infinity());
  EXPECT_EQ(decode(ue, 0x80), 1.0);  // bias 32
  EXPECT_EQ(encode(ue, {}, -1.0), 0xffu);
  EXPECT_EQ(parse_format("binary8p3uf").max_finite_magnitude(), 0xfeu);
}

TEST(Codec, E8m0IsPowersOfTwoWithoutSignOrZero) {
  const Format format = parse_format("e8m0fnu");
  for (Code code = 0; code < 255; ++code) {
    EXPECT_EQ(decode(format, code), std::ldexp(1.0, static_cast<int>(code) - 127)) << code;
  }
  EXPECT_TRUE(std::isnan(decode(format, 255)));
  EXPECT_EQ(encode(format, {}, 0.0), 0u);
  EXPECT_EQ(encode(format, {}, -1.0), 255u);
}

std::vector<std::string> formats_up_to_16_bits() {
  std::vector<std::string> names = parse_format_list(
      "e{1..8}m{1..7},e{2..8}m0,e{1..8}m{0..7}f,e{1..8}m{1..7}fn,"
      "e{2..8}m0fn,e{1..8}m{0..7}fnuz,e4m3b0,e4m3b20fn,e8m2b200f,binary8p3se,binary8p4ue,"
      "binary6p2sf,binary5p1ue,binary10p5uf,binary3p1se");
  for (const auto& row : named_formats()) {
    if (row.format.bits() <= 16) names.emplace_back(row.name);
  }
  return names;
}

TEST(Codec, EveryFiniteCodeRoundTripsInEveryRounding) {
  std::size_t checked = 0;
  for (const auto& name : formats_up_to_16_bits()) {
    const Format format = parse_format(name);
    for (const char* rounding :
         {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr:1", "sr:32", "sru:1"}) {
      const CastOptions options{.rounding = parse_rounding(rounding)};
      for (Code code = 0; code < format.code_count(); ++code) {
        const double value = decode(format, code);
        if (!std::isfinite(value)) continue;
        ASSERT_EQ(encode(format, options, value, 0xffffffffu), code) << name << " " << rounding;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1'000'000u);
}

TEST(Codec, MagnitudeCodesAreInTheOrderOfTheirValues) {
  for (const auto& name : formats_up_to_16_bits()) {
    const Format format = parse_format(name);
    for (Code code = 1; code <= format.max_finite_magnitude(); ++code) {
      ASSERT_LT(decode(format, code - 1), decode(format, code)) << name << " code " << code;
    }
  }
}

TEST(Codec, NegativeCodesMirrorPositiveOnes) {
  for (const auto& name : formats_up_to_16_bits()) {
    const Format format = parse_format(name);
    if (!format.is_signed) continue;
    for (Code code = 1; code <= format.max_finite_magnitude(); ++code) {
      ASSERT_EQ(decode(format, code | format.sign_mask()), -decode(format, code)) << name;
    }
  }
}

TEST(Encode, TiesGoToTheEvenCodeAlsoWithoutMantissa) {
  const Format e3m0 = parse_format("e3m0f");  // 2^(c-3), code 0 is zero
  const CastOptions nearest;
  EXPECT_EQ(encode(e3m0, nearest, 1.5), 4u);    // between codes 3 (1) and 4 (2)
  EXPECT_EQ(encode(e3m0, nearest, 3.0), 4u);    // between 4 (2) and 5 (4)
  EXPECT_EQ(encode(e3m0, nearest, 0.125), 0u);  // between 0 (0) and 1 (1/4)
  const Format e4m3 = parse_format("e4m3fn");
  EXPECT_EQ(encode(e4m3, nearest, 17.0), encode(e4m3, nearest, 16.0));
  EXPECT_EQ(encode(e4m3, nearest, 19.0), encode(e4m3, nearest, 20.0));
}

TEST(Encode, OverflowFollowsTheFormat) {
  const double inf = std::numeric_limits<double>::infinity();
  const CastOptions standard;
  const CastOptions saturate{.overflow = Overflow::saturate};
  EXPECT_EQ(encode(parse_format("e5m2"), standard, 61440), 0x7cu);  // tie with 2^16: to infinity
  EXPECT_EQ(encode(parse_format("e5m2"), standard, 61439), 0x7bu);
  EXPECT_EQ(encode(parse_format("e5m2"), saturate, -inf), 0xfbu);
  EXPECT_EQ(encode(parse_format("e4m3fn"), standard, 464), 0x7eu);  // tie with 480: 448 is even
  EXPECT_EQ(encode(parse_format("e4m3fn"), standard, 465), 0x7fu);
  EXPECT_EQ(encode(parse_format("e4m3fn"), standard, inf), 0x7fu);
  EXPECT_EQ(encode(parse_format("e4m3fn"), saturate, 1e30), 0x7eu);
  EXPECT_EQ(encode(parse_format("e2m1fn"), standard, -100), 0xfu);
  EXPECT_EQ(encode(parse_format("e4m3fnuz"), standard, 1e30), 0x80u);
}

TEST(Encode, RoundingTowardZeroNeverOverflows) {
  const Format format = parse_format("e5m2");
  const auto cast = [&](const char* rounding, double x) {
    return encode(format, {.rounding = parse_rounding(rounding)}, x);
  };
  EXPECT_EQ(cast("rtz", 1e30), 0x7bu);
  EXPECT_EQ(cast("rdn", 1e30), 0x7bu);
  EXPECT_EQ(cast("rup", 1e30), 0x7cu);
  EXPECT_EQ(cast("rup", -1e30), 0xfbu);
  EXPECT_EQ(cast("rdn", -1e30), 0xfcu);
}

TEST(Encode, NanWithoutACodeIsAnErrorUnlessToldOtherwise) {
  const Format format = parse_format("e2m1fn");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(static_cast<void>(encode(format, {}, nan)), std::domain_error);
  EXPECT_EQ(encode(format, {.nan = NanPolicy::zero}, nan), 0u);
  EXPECT_EQ(encode(format, {.nan = NanPolicy::max}, std::copysign(nan, -1.0)), 0xfu);
}

TEST(Encode, FnuzHasNoNegativeZero) {
  EXPECT_EQ(encode(parse_format("e4m3fnuz"), {}, -0.0), 0u);
  EXPECT_EQ(encode(parse_format("e4m3fnuz"), {}, -1e-9), 0u);
  EXPECT_EQ(encode(parse_format("e4m3fn"), {}, -1e-9), 0x80u);
}

TEST(Encode, StochasticRoundingGoesUpForExactlyTheStatedShareOfWords) {
  const Format format = parse_format("e4m3fn");  // neighbours of 16.5 are 16 and 18: f = 1/4
  const CastOptions options{.rounding = parse_rounding("sr:4")};
  int ups = 0;
  for (std::uint32_t u = 0; u < 16; ++u) {
    ups += encode(format, options, 16.5, u << 28) == encode(format, {}, 18.0) ? 1 : 0;
  }
  EXPECT_EQ(ups, 4);
  // Fraction bits below the top R are cut: 16 + 2^-10 never moves with 4 random bits.
  EXPECT_EQ(encode(format, options, 16 + 0x1p-10, 0xffffffffu), encode(format, {}, 16.0));
}

TEST(Encode, UnbiasedStochasticRoundingRoundsTheFractionToItsBits) {
  const Format format = parse_format("e4m3fn");  // between 16 and 18
  const auto ups = [&](const char* rounding, double x) {
    int count = 0;
    for (std::uint32_t u = 0; u < 4; ++u) {
      count += encode(format, {.rounding = parse_rounding(rounding)}, x, u << 30) ==
                       encode(format, {}, 18.0)
                   ? 1
                   : 0;
    }
    return count;
  };
  // f = x/2 - 8 in quarters: cut by sr:2, to nearest even by sru:2.
  EXPECT_EQ(ups("sr:2", 16 + 2 * 0.24), 0);
  EXPECT_EQ(ups("sru:2", 16 + 2 * 0.24), 1);
  EXPECT_EQ(ups("sru:2", 16 + 2 * 0.125), 0);  // a tie, 0 is even
  EXPECT_EQ(ups("sru:2", 16 + 2 * 0.375), 2);  // a tie, 2 is even
  EXPECT_EQ(ups("sru:2", 16 + 2 * 0.9), 4);
}

TEST(Encode, FlushesSubnormalsOnlyWhereTold) {
  const Format format = parse_format("e5m2");  // smallest normal 2^-14, subnormal 2^-16
  const auto cast = [&](Flush flush, double x) { return encode(format, {.flush = flush}, x); };
  EXPECT_EQ(cast(Flush::none, 0x1p-15), 2u);
  EXPECT_EQ(cast(Flush::output, 0x1p-15), 0u);
  EXPECT_EQ(cast(Flush::output, -0x1p-15), 0x80u);
  EXPECT_EQ(cast(Flush::output, 0x1p-14), 4u);
  EXPECT_EQ(cast(Flush::output, 0x1.fffp-15), 4u);  // rounds to the smallest normal first
  EXPECT_EQ(cast(Flush::input, 0x1p-15), 2u);
  const Format bf16 = parse_format("bf16");
  EXPECT_EQ(encode(bf16, {.flush = Flush::input}, 0x1p-127), 0u);
  EXPECT_EQ(encode(bf16, {.flush = Flush::input}, 0x1p-126), 0x80u);
}

// docs/numerics.md: what is flushed counts as zero, and a zero of either sign has a code.
TEST(Encode, AFlushedNegativeIsNoNanToUnsignedFormats) {
  for (const char* name : {"binary8p4uf", "binary8p4ue", "e8m0fnu"}) {
    const Format format = parse_format(name);
    for (const Flush flush : {Flush::input, Flush::both}) {
      const CastOptions options{.flush = flush};
      EXPECT_EQ(encode(format, options, -0x1.8p-127), 0u) << name;
      EXPECT_EQ(encode(format, options, -0x1p-126), format.nan_code()) << name;
      EXPECT_EQ(Quantizer(format, options).code(-0x1.8p-127f), 0u) << name;
    }
    EXPECT_EQ(encode(format, {.flush = Flush::output}, -0x1.8p-127), format.nan_code()) << name;
  }
}

TEST(FormatNames, ReadBackAsTheSameFormat) {
  for (const auto& name : formats_up_to_16_bits()) {
    const Format format = parse_format(name);
    EXPECT_EQ(parse_format(format_name(format)), format) << name;
  }
}

TEST(FormatNames, ListsExpandRangesInOrderWithoutRepeats) {
  const auto names = parse_format_list("e5m2,e{2..3}m{0..1}f,e5m2,e{4,5}m1");
  EXPECT_EQ(names,
            (std::vector<std::string>{"e5m2", "e2m0f", "e2m1f", "e3m0f", "e3m1f", "e4m1", "e5m1"}));
}

TEST(FormatNames, BadOnesAreRefusedWithTheNearestName) {
  for (const char* name :
       {"",       "e",           "e4",          "e4m",        "m3",          "e0m3",
        "e9m3",   "e4m24",       "e4m3x",       "e4m3b",      "e4m3b999",    "e4m3fnb7",
        "e1m0",   "binary8p9se", "binary2p1se", "binary8p3s", "binary8p3xe", "binary16p3se",
        "e1m0fn", "e-4m3",       "e4m3 "}) {
    EXPECT_THROW(static_cast<void>(parse_format(name)), UserError) << "'" << name << "'";
  }
  try {
    static_cast<void>(parse_format("e4m3fm"));
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("e4m3fn"), std::string::npos) << error.what();
  }
  for (const char* list : {"e{2..m3", "e{5..2}m1", "e{a..b}m1", "e5m2,,e4m3"}) {
    EXPECT_THROW(static_cast<void>(parse_format_list(list)), UserError) << list;
  }
}

}  // namespace
}  // namespace gradpath
