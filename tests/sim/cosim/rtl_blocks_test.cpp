// The front end of models against the Verilated one, cycle by cycle: every beat, its cycle and all
// counters, under random stalls on both sides.
#include "sim/cosim/rtl_blocks.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/datapath/front_end/front_end_pipeline.hpp"
#include "tests/seed.hpp"

namespace gradpath::cli {
namespace {

/// Chances of a stall in a cycle, in 256ths.
struct Stalls {
  std::uint32_t input;
  std::uint32_t bitmap;
  std::uint32_t codes;
};

/// What comes out of a front end, with the cycle in which it was taken.
struct Taken {
  Cycles cycle;
  StreamBeat beat;
  friend bool operator==(const Taken&, const Taken&) = default;
};
struct Outcome {
  std::vector<Taken> bitmap;
  std::vector<Taken> codes;
  std::vector<Cycles> accepted;
  std::vector<ModuleStats> stats;
  Cycles cycles = 0;
};

struct Stream {
  std::vector<float> values;
  std::vector<StreamBeat> beats;
  std::uint64_t chunks = 0;
};

Stream random_stream(std::mt19937_64& random, std::uint32_t lanes, std::size_t beats) {
  std::normal_distribution<double> normal;
  Stream stream;
  for (std::size_t b = 0; b < beats; ++b) {
    StreamBeat beat{.elements = lanes, .last = b + 1 == beats || random() % 8 == 0, .data = {}};
    // Only a chunk's last beat may be partly filled.
    if (beat.last) beat.elements = 1 + static_cast<std::uint32_t>(random() % lanes);
    beat.data.assign(lanes, 0);
    for (std::uint32_t i = 0; i < beat.elements; ++i) {
      const double magnitude = std::exp(2.0 * normal(random));
      const bool zero = random() % 4 == 0;
      const auto x = static_cast<float>(random() % 2 == 0 ? magnitude : -magnitude);
      stream.values.push_back(zero ? 0.0f : x);
      beat.data[i] = std::bit_cast<std::uint32_t>(stream.values.back());
    }
    stream.chunks += beat.last ? 1U : 0U;
    stream.beats.push_back(std::move(beat));
  }
  return stream;
}

Outcome run(FrontEndPipeline& pipeline, const GemmWork& work, std::uint32_t lanes,
            const Stream& stream, const Stalls& stalls, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  pipeline.begin(work, lanes, stream.values.size(), stream.beats.size(), stream.chunks);
  Outcome outcome;
  std::size_t next = 0;
  std::size_t ends = 0;
  bool offering = false;
  const Cycles limit = 200 * (stream.beats.size() + 10);
  while ((ends < stream.chunks || outcome.bitmap.size() < stream.beats.size()) &&
         pipeline.now() < limit) {
    const std::uint64_t roll = dice();
    const bool bitmap_ready = (roll & 0xff) >= stalls.bitmap;
    const bool codes_ready = (roll >> 8 & 0xff) >= stalls.codes;
    offering = next < stream.beats.size() && (offering || (roll >> 16 & 0xff) >= stalls.input);
    const Cycles now = pipeline.now();
    if (pipeline.bitmap() != nullptr && bitmap_ready) {
      outcome.bitmap.push_back({now, *pipeline.bitmap()});
    }
    if (pipeline.codes() != nullptr && codes_ready) {
      outcome.codes.push_back({now, *pipeline.codes()});
      ends += pipeline.codes()->last ? 1U : 0U;
    }
    const bool accepted = offering && pipeline.ready();
    pipeline.cycle(offering ? &stream.beats[next] : nullptr, bitmap_ready, codes_ready);
    if (!accepted) continue;
    outcome.accepted.push_back(now);
    ++next;
    offering = false;
  }
  outcome.cycles = pipeline.now();
  for (std::size_t i = 0; i < FrontEndPipeline::kBlocks; ++i) {
    outcome.stats.push_back(pipeline.stats(i));
  }
  return outcome;
}

void expect_equal(const Outcome& model, const Outcome& rtl, const std::string& place) {
  EXPECT_EQ(model.cycles, rtl.cycles) << place;
  EXPECT_EQ(model.accepted, rtl.accepted) << place;
  EXPECT_TRUE(model.bitmap == rtl.bitmap) << place;
  EXPECT_TRUE(model.codes == rtl.codes) << place;
  for (std::size_t i = 0; i < model.stats.size(); ++i) {
    const ModuleStats& a = model.stats[i];
    const ModuleStats& b = rtl.stats[i];
    EXPECT_EQ(a.busy, b.busy) << a.module << place;
    EXPECT_EQ(a.stalled_in, b.stalled_in) << a.module << place;
    EXPECT_EQ(a.stalled_out, b.stalled_out) << a.module << place;
    EXPECT_EQ(a.elements_in, b.elements_in) << a.module << place;
    EXPECT_EQ(a.elements_out, b.elements_out) << a.module << place;
    EXPECT_EQ(a.zeroed, b.zeroed) << a.module << place;
    EXPECT_EQ(a.dropped, b.dropped) << a.module << place;
  }
}

struct Machine {
  std::uint32_t lanes;
  const char* format;
  const char* rounding;
  Overflow overflow;
};
constexpr std::array kMachines = {Machine{4, "e5m2", "sr", Overflow::standard},
                                  Machine{3, "e2m1fn", "rne", Overflow::saturate},
                                  Machine{16, "e4m3fn", "sr", Overflow::standard},
                                  Machine{16, "e5m2", "rne", Overflow::standard}};
// Every way to mix models and RTL but models alone.
const std::vector<std::vector<std::string>> kMixes = {{"pruner", "quantizer", "compactor"},
                                                      {"pruner"},
                                                      {"quantizer"},
                                                      {"compactor"},
                                                      {"pruner", "quantizer"},
                                                      {"pruner", "compactor"},
                                                      {"quantizer", "compactor"}};

ReplayNumerics numerics_of(const Machine& machine) {
  return {.gradient_format = parse_format(machine.format),
          .gradient_cast = {parse_rounding(machine.rounding), machine.overflow, NanPolicy::error},
          .operand_format = parse_format("e4m3fn"),
          .random = RandomSource::lanes};
}

TEST(RtlBlocks, EqualTheModelsInEveryBeatCycleAndCounterUnderAThousandStallPatterns) {
  constexpr int kPatterns = 1000;
  constexpr int kPerBank = 36;  // patterns that share a Verilated model: resets are tested too
  std::mt19937_64 random(test_seed(20261123));
  int patterns = 0;
  for (std::size_t bank = 0; patterns < kPatterns; ++bank) {
    const Machine& machine = kMachines[bank % kMachines.size()];
    const ReplayNumerics numerics = numerics_of(machine);
    RtlBlocks rtl(kMixes[bank % kMixes.size()], numerics, {.lanes = machine.lanes}, true);
    FrontEndPipeline verilated(rtl.take());
    FrontEndPipeline models({});
    for (int i = 0; i < kPerBank && patterns < kPatterns; ++i, ++patterns) {
      const Stream stream = random_stream(random, machine.lanes, 1 + random() % 60);
      const StochasticPruner pruner(i % 4 == 0 ? 0.0f : 2.0f);
      const Quantizer quantizer(numerics.gradient_format, numerics.gradient_cast);
      const GemmWork work{.demand = {},
                          .gradient = {.values = stream.values},
                          .pruner = &pruner,
                          .quantizer = &quantizer,
                          .gradient_scale = std::ldexp(1.0f, static_cast<int>(random() % 9) - 4),
                          .prune_seed = Seed{random()},
                          .quantize_seed = Seed{random()},
                          .random = RandomSource::lanes};
      const auto draw = [&] { return static_cast<std::uint32_t>(random() % 5 * 55); };
      const Stalls stalls{draw(), draw(), draw()};
      const std::uint64_t seed = random();
      const Outcome expected = run(models, work, machine.lanes, stream, stalls, seed);
      ASSERT_EQ(expected.bitmap.size(), stream.beats.size());
      expect_equal(expected, run(verilated, work, machine.lanes, stream, stalls, seed),
                   " pattern " + std::to_string(patterns) +
                       ", GRADPATH_TEST_SEED=" + std::to_string(test_seed(20261123)));
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_EQ(patterns, kPatterns);
}

TEST(RtlBlocks, WhatWasNotBuiltIsAUserErrorThatNamesWhatWas) {
  const ReplayNumerics numerics = numerics_of(kMachines[3]);
  const auto message = [&](std::vector<std::string> modules, ReplayNumerics n, std::uint32_t lanes,
                           bool prunes) -> std::string {
    try {
      const RtlBlocks blocks(modules, n, {.lanes = lanes}, prunes);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({"pruner", "quantizer", "compactor"}, numerics, 16, true), "");
  EXPECT_NE(message({"mac_array"}, numerics, 16, true).find("pruner,quantizer"), std::string::npos);
  EXPECT_NE(message({"pruner"}, numerics, 7, true).find("16 lanes sr"), std::string::npos);
  ReplayNumerics other = numerics;
  other.gradient_format = parse_format("e3m4");
  EXPECT_NE(message({"quantizer"}, other, 16, true).find("16 lanes e5m2 rne"), std::string::npos);
  other = numerics;
  other.random = RandomSource::counter;
  EXPECT_NE(message({"pruner"}, other, 16, true).find("--random lanes"), std::string::npos);
  EXPECT_EQ(message({"pruner"}, other, 16, false), "");
}

}  // namespace
}  // namespace gradpath::cli
