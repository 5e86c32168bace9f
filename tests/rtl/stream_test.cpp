#include <bit>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/verify/checks.hpp"
#include "sim/verify/lanes.hpp"
#include "sim/verify/stream_run.hpp"
#include "sim/verify/streams.hpp"
#include "sim/verify/vectors.hpp"

namespace gradpath::verify {
namespace {

Seed test_seed() {
  const char* text = std::getenv("GRADPATH_TEST_SEED");
  const Seed seed{text == nullptr ? 1 : std::strtoull(text, nullptr, 10)};
  testing::Test::RecordProperty("seed", std::to_string(seed.value));
  return seed;
}

Beat random_beat(const CounterRandom& random, std::uint64_t index) {
  Beat beat;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) {
    beat.data[i] = random.word(index * (Beat::kMaxLanes + 1) + i);
  }
  const std::uint32_t dice = random.word(index * (Beat::kMaxLanes + 1) + Beat::kMaxLanes);
  beat.mask = dice & 0xff;
  beat.last = (dice >> 8 & 7) == 0;
  return beat;
}

TEST(RtlStreams, NeitherReadyNorTheOutputDependsOnAnyInputWithinACycle) {
  const CounterRandom random{test_seed()};
  StreamBank bank;
  std::uint64_t draw = 0;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 7));
    for (int cycle = 0; cycle < 200; ++cycle) {
      const bool ready = bank.ready(row);
      const auto output = bank.output(row);
      for (int change = 0; change < 4; ++change) {
        const std::uint32_t dice = random.word(draw++);
        bank.drive(dice & 1 ? std::optional(random_beat(random, draw)) : std::nullopt,
                   (dice & 2) != 0);
        ASSERT_EQ(bank.ready(row), ready);
        ASSERT_EQ(bank.output(row), output);
      }
      // A beat that was not accepted must be offered again: offer only where it will be.
      bank.cycle(row, ready ? std::optional(random_beat(random, draw)) : std::nullopt,
                 (random.word(draw) & 1) != 0);
    }
  }
  EXPECT_FALSE(bank.failed_assertion().has_value());
}

TEST(RtlStreams, HoldThreeBeatsWhileTheOutputIsStalledAndThenGiveOneACycle) {
  StreamBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    int accepted = 0;
    for (int cycle = 0; cycle < 10; ++cycle) {
      accepted += bank.ready(row) ? 1 : 0;
      bank.cycle(row, Beat{.data = {}, .mask = 1, .last = false}, false);
    }
    EXPECT_EQ(accepted, 3);
    int taken = 0;
    for (int cycle = 0; cycle < 3; ++cycle) {
      taken += bank.output(row) ? 1 : 0;
      bank.cycle(row, std::nullopt, true);
    }
    EXPECT_EQ(taken, 3);
    EXPECT_FALSE(bank.output(row));
  }
}

TEST(RtlStreams, ABeatIsThereTwoCyclesAfterItIsAccepted) {
  StreamBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    ASSERT_TRUE(bank.ready(row));
    bank.cycle(row, Beat{.data = {}, .mask = 1, .last = true}, true);
    EXPECT_FALSE(bank.output(row));
    bank.cycle(row, std::nullopt, true);
    ASSERT_TRUE(bank.output(row));
    EXPECT_TRUE(bank.output(row)->last);
  }
}

// A threshold belongs to the beats that are accepted with it.
TEST(RtlStreams, AThresholdThatMovesLeavesTheBeatsInsideAlone) {
  StreamBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!bank.rows()[row].is_pruner) continue;
    SCOPED_TRACE("row " + std::to_string(row));
    constexpr std::uint32_t kOne = 0x3f800000u;
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    bank.set_alpha(kOne);  // 1 passes
    bank.cycle(row, Beat{.data = {kOne}, .mask = 1, .last = false}, false);
    bank.set_alpha(0x7f000000u);  // 2^127: 1 does not
    bank.cycle(row, Beat{.data = {kOne}, .mask = 1, .last = false}, false);
    bank.cycle(row, std::nullopt, false);
    ASSERT_TRUE(bank.output(row));
    EXPECT_EQ(bank.output(row)->data[0], kOne);
    bank.cycle(row, std::nullopt, true);
    ASSERT_TRUE(bank.output(row));
    EXPECT_EQ(bank.output(row)->data[0], 0u);
  }
  EXPECT_FALSE(bank.failed_assertion().has_value());
}

// The scoreboard itself, with expectations that are wrong on purpose.
TEST(Scoreboard, FindsAWrongElementAWrongFlagAndAMissingBeat) {
  StreamBank bank;
  const StreamRow row = bank.rows().front();
  const std::vector<float> values(100, 1.5f);
  const StreamInput input{.name = "wrong on purpose", .values = values, .seed = test_seed()};
  const auto mismatches = [&](const StreamScript& script) {
    Result result;
    run_script(bank, 0, script, {64, 64}, test_seed(), result);
    return result.mismatches;
  };
  const StreamScript good = make_script(row, input);
  EXPECT_EQ(mismatches(good), 0u);
  StreamScript element = good;
  element.expected[5].data[1] ^= 1;
  EXPECT_EQ(mismatches(element), 1u);
  StreamScript flag = good;
  flag.expected[5].last = true;
  EXPECT_EQ(mismatches(flag), 1u);
  StreamScript missing = good;
  missing.expected.push_back(missing.expected.back());
  missing.inputs.push_back(missing.inputs.back());
  missing.words.resize(missing.inputs.size() * row.lanes);
  missing.expected.erase(missing.expected.begin());  // the last is full, so the tail's mask moves
  EXPECT_GT(mismatches(missing), 0u);
}

TEST(Scoreboard, ARunWithoutAComparisonIsAFailure) {
  EXPECT_FALSE(all_equal({}));
  const std::vector<Result> none = {{.module = "lfsr"}};
  EXPECT_FALSE(all_equal(none));
}

TEST(Scoreboard, MergingAddsUpAndKeepsTheFirstMismatch) {
  Result a{.module = "m"};
  a.count(true, 0, [] { return std::string(); });
  Result b = a;
  b.count(false, 7, [] { return std::string("b"); });
  Result c = a;
  c.count(false, 9, [] { return std::string("c"); });
  const std::vector<std::vector<Result>> parts = {{a}, {b}, {c}};
  const auto merged = merge(parts);
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].vectors, 5u);
  EXPECT_EQ(merged[0].mismatches, 2u);
  EXPECT_EQ(merged[0].first_mismatch, "b");
}

TEST(Banks, HoldEveryFormatUpToEightBitsThatHasANameWithEveryRounding) {
  using Mode = Rounding::Mode;
  const QuantizerBank bank;
  for (const NamedFormat& named : named_formats()) {
    if (named.format.bits() > 8 || !named.format.is_signed) continue;  // e8m0fnu holds scales
    if (named.format.non_finite == NonFinite::p3109_signed) continue;
    for (const auto mode :
         {Mode::rne, Mode::rna, Mode::rtz, Mode::rup, Mode::rdn, Mode::rto, Mode::sr, Mode::sru}) {
      bool found = false;
      for (const QuantizerRow& row : bank.rows()) {
        found = found || (row.format == named.format && row.rounding.mode == mode);
      }
      EXPECT_TRUE(found) << named.name << " " << rounding_name({.mode = mode});
    }
  }
}

// The words of exhaustive runs, against the golden model: one number below the step goes down.
TEST(Vectors, TheStepNumberIsWhereStochasticRoundingGoesUp) {
  const CounterRandom random{test_seed()};
  for (const char* name : {"e5m2", "e4m3fn", "e2m1fn", "e4m3b11fnuz"}) {
    for (const char* rounding : {"sr:24", "sr:8", "sru:24", "sru:8", "sr:1"}) {
      const Rounding r = parse_rounding(rounding);
      const Quantizer golden(parse_format(name), {r, Overflow::saturate, NanPolicy::zero});
      int steps = 0;
      for (std::uint64_t i = 0; i < 20000; ++i) {
        const float x = std::bit_cast<float>((random.word(i) & 0x87ffffffu) + 0x3a000000u);
        const int up = 32 - r.random_bits;
        const std::uint32_t most = 0xffffffffu;
        if (golden.code(x, 0) == golden.code(x, most)) continue;
        ++steps;
        const std::uint32_t number = step_number(golden.format(), r, x);
        ASSERT_EQ(golden.code(x, number << up), golden.code(x, most)) << name << rounding << x;
        ASSERT_EQ(golden.code(x, (number - 1) << up), golden.code(x, 0)) << name << rounding << x;
      }
      EXPECT_GT(steps, 1000) << name << " " << rounding;
    }
  }
}

TEST(Options, WhatWasNotBuiltIsAnErrorThatNamesWhatWas) {
  Options options;
  options.formats = {parse_format("e2m2b9f")};
  try {
    (void)make_checks(options);
    FAIL() << "accepted a format that no module has";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("e5m2"), std::string::npos) << error.what();
  }
  options = {};
  options.modules = {"divider"};
  EXPECT_THROW((void)make_checks(options), UserError);
}

}  // namespace
}  // namespace gradpath::verify
