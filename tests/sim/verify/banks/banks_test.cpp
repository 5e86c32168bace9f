#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "models/round/random.hpp"
#include "sim/verify/banks/quantizer_lane/quantizer_lane.hpp"
#include "sim/verify/banks/stages/stages.hpp"
#include "tests/seed.hpp"

namespace gradpath::verify {
namespace {

Seed test_seed() {
  const Seed seed{gradpath::test_seed(1)};
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
  StageBank bank;
  std::uint64_t draw = 0;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 7));
    for (int cycle = 0; cycle < 200; ++cycle) {
      const Stages::View view = bank.view(row);
      for (int change = 0; change < 4; ++change) {
        const std::uint32_t dice = random.word(draw++);
        bank.drive({.beat = dice & 1 ? std::optional(random_beat(random, draw)) : std::nullopt,
                    .ready = (dice & 2) != 0});
        ASSERT_EQ(bank.view(row), view);
      }
      // A beat that was not accepted must be offered again: offer only where it will be.
      bank.cycle(row, {.beat = view.ready ? std::optional(random_beat(random, draw)) : std::nullopt,
                       .ready = (random.word(draw) & 1) != 0});
    }
  }
  EXPECT_FALSE(bank.failed_assertion().has_value());
}

TEST(RtlStreams, HoldThreeBeatsWhileTheOutputIsStalledAndThenGiveOneACycle) {
  StageBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    int accepted = 0;
    for (int cycle = 0; cycle < 10; ++cycle) {
      accepted += bank.view(row).ready ? 1 : 0;
      bank.cycle(row, {.beat = Beat{.mask = 1}});
    }
    EXPECT_EQ(accepted, 3);
    int taken = 0;
    for (int cycle = 0; cycle < 3; ++cycle) {
      taken += bank.view(row).output ? 1 : 0;
      bank.cycle(row, {.ready = true});
    }
    EXPECT_EQ(taken, 3);
    EXPECT_FALSE(bank.view(row).output);
  }
}

TEST(RtlStreams, ABeatIsThereTwoCyclesAfterItIsAccepted) {
  StageBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    ASSERT_TRUE(bank.view(row).ready);
    bank.cycle(row, {.beat = Beat{.mask = 1, .last = true}, .ready = true});
    EXPECT_FALSE(bank.view(row).output);
    bank.cycle(row, {.ready = true});
    ASSERT_TRUE(bank.view(row).output);
    EXPECT_TRUE(bank.view(row).output->last);
  }
}

TEST(RtlStreams, AThresholdThatMovesLeavesTheBeatsInsideAlone) {
  StageBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!bank.rows()[row].is_pruner) continue;
    SCOPED_TRACE("row " + std::to_string(row));
    constexpr std::uint32_t kOne = 0x3f800000u;
    bank.reset(row, std::vector<std::uint32_t>(bank.rows()[row].lanes, 1));
    const Beat one{.data = {kOne}, .mask = 1};
    bank.cycle(row, {.beat = one, .alpha = kOne});         // 1 passes
    bank.cycle(row, {.beat = one, .alpha = 0x7f000000u});  // 2^127: 1 does not
    bank.cycle(row, {});
    ASSERT_TRUE(bank.view(row).output);
    EXPECT_EQ(bank.view(row).output->data[0], kOne);
    bank.cycle(row, {.ready = true});
    ASSERT_TRUE(bank.view(row).output);
    EXPECT_EQ(bank.view(row).output->data[0], 0u);
  }
  EXPECT_FALSE(bank.failed_assertion().has_value());
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

}  // namespace
}  // namespace gradpath::verify
