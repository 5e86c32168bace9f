#include "sim/verify/stream_run.hpp"

#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "models/format/codec.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/verify/stream_ends.hpp"
#include "sim/verify/vectors.hpp"

namespace gradpath::verify {
namespace {

// The golden model's word for every lane of every beat.
std::vector<std::uint32_t> golden_outputs(const StreamRow& row, const StreamInput& input,
                                          std::span<const float> values,
                                          std::span<const std::uint32_t> words) {
  std::vector<std::uint32_t> out(values.size());
  if (row.is_pruner) {
    std::vector<float> pruned(values.size());
    StochasticPruner(std::bit_cast<float>(input.alpha), row.rounding.random_bits)
        .prune_with_words(values, words, pruned);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::bit_cast<std::uint32_t>(pruned[i]);
    return out;
  }
  const CastOptions options{row.rounding, row.overflow, NanPolicy::zero};
  if (row.scaled) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = encode(row.format, options, std::ldexp(double{values[i]}, input.scale_exponent),
                      words[i]);
    }
  } else {
    Quantizer(row.format, options).to_codes_with_words<std::uint32_t>(values, words, out);
  }
  return out;
}

}  // namespace

StreamScript make_script(const StreamRow& row, const StreamInput& input) {
  const std::size_t lanes = row.lanes;
  const std::size_t beats = (input.values.size() + lanes - 1) / lanes;
  const CounterRandom random{derive(input.seed, 1)};

  StreamScript script{.name = input.name,
                      .seeds = {},
                      .alpha = input.alpha,
                      .scale_exponent = input.scale_exponent,
                      .inputs = {},
                      .words = {},
                      .expected = {}};
  // Lanes past the end hold something that must not come out.
  std::vector<float> values(input.values.begin(), input.values.end());
  values.resize(beats * lanes, 1.0f);

  std::vector<Lfsr> lfsrs;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    const RandomUnit unit = row.is_pruner ? RandomUnit::pruner : RandomUnit::quantizer;
    script.seeds.push_back(input.seed_bit
                               ? static_cast<std::uint32_t>(std::uint64_t{1} << *input.seed_bit)
                               : lane_seed(input.seed, unit, lane));
    lfsrs.emplace_back(script.seeds.back());
  }
  script.words.reserve(values.size());
  for (std::size_t beat = 0; beat < beats; ++beat) {
    for (Lfsr& lfsr : lfsrs) {
      script.words.push_back(lfsr.word());
      lfsr.step();
    }
  }

  if (input.decides && row.is_pruner) {
    const StochasticPruner pruner(std::bit_cast<float>(input.alpha), row.rounding.random_bits);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t dice = random.word(~std::uint64_t{i});
      if ((dice >> 8 & 1) != 0) values[i] = deciding_value(pruner, script.words[i], dice);
    }
  }
  const auto out = golden_outputs(row, input, values, script.words);
  for (std::size_t beat = 0; beat < beats; ++beat) {
    Beat in;
    Beat expected;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = beat * lanes + lane;
      in.data[lane] = std::bit_cast<std::uint32_t>(values[i]);
      const bool hole = input.holes && random.word(i) % 4 == 0;
      if (i >= input.values.size() || hole) continue;
      in.mask |= 1u << lane;
      expected.data[lane] = out[i];
    }
    // A stream ends with its values; scripts with holes hold several streams.
    in.last = beat + 1 == beats || (input.holes && random.word(beat) % 16 == 0);
    expected.mask = in.mask;
    expected.last = in.last;
    script.inputs.push_back(in);
    script.expected.push_back(expected);
  }
  return script;
}

namespace {

void compare(const StreamRow& row, const StreamScript& script, std::size_t beat, const Beat& got,
             std::uint64_t tick, Result& result) {
  const Beat& expected = script.expected[beat];
  const auto place = [&](std::size_t lane) {
    return fmt::format("{}: element {} (beat {}, lane {})", script.name, beat * row.lanes + lane,
                       beat, lane);
  };
  for (std::size_t lane = 0; lane < row.lanes; ++lane) {
    const bool equal = got.data[lane] == expected.data[lane];
    if (equal && (expected.mask >> lane & 1) == 0) continue;  // empty lanes count if wrong alone
    result.count(equal, tick, [&] {
      return fmt::format("{}: x=0x{:08x} word=0x{:08x} expected=0x{:02x} got=0x{:02x}", place(lane),
                         script.inputs[beat].data[lane], script.words[beat * row.lanes + lane],
                         expected.data[lane], got.data[lane]);
    });
  }
  if (got.mask != expected.mask || got.last != expected.last) {
    result.count(false, tick, [&] {
      return fmt::format("{}: mask or last flag: expected=0x{:02x},{} got=0x{:02x},{}", place(0),
                         expected.mask, expected.last, got.mask, got.last);
    });
  }
}

// Beats that stand inside when the reset comes: nothing of them may leave after it.
void fill_up(StreamBank& bank, std::size_t row, std::span<const std::uint32_t> seeds) {
  constexpr int kMoreThanFit = 5;
  bank.reset(row, seeds);
  Beat beat{.data = {}, .mask = 1, .last = true};
  beat.data[0] = 0x3f800000u;
  for (int i = 0; i < kMoreThanFit; ++i) bank.cycle(row, beat, false);
}

}  // namespace

void run_script(StreamBank& bank, std::size_t row, const StreamScript& script, Stalls stalls,
                Seed seed, Result& result) {
  const StreamRow& parameters = bank.rows()[row];
  const CounterRandom random{seed};
  const std::size_t beats = script.inputs.size();
  const std::uint64_t patience = 1000 + 64 * static_cast<std::uint64_t>(beats);
  fill_up(bank, row, script.seeds);
  bank.reset(row, script.seeds);

  std::size_t taken = 0;
  StreamSource source(script.inputs, stalls.input);
  std::uint64_t cycles = 0;
  for (; taken < beats && cycles < patience && !bank.failed_assertion(); ++cycles) {
    const std::uint32_t dice = random.word(cycles);
    const auto offer = source.offer(dice);
    const bool ready = bank.ready(row);
    const auto output = bank.output(row);
    const bool taking = is_ready(stalls.output, output.has_value(), dice >> 8);
    // They are taken with a beat: without one they say something else.
    bank.set_alpha(offer ? script.alpha : dice);
    bank.set_scale_exponent(offer ? script.scale_exponent : static_cast<std::int8_t>(dice >> 16));
    bank.cycle(row, offer, taking);
    source.clock(ready);
    if (output && taking) compare(parameters, script, taken++, *output, bank.ticks() - 1, result);
  }
  const auto fail = [&](const std::string& what) {
    result.count(false, bank.failed_assertion().value_or(bank.ticks()), [&] { return what; });
  };
  if (bank.failed_assertion()) {
    fail(fmt::format("{}: an assertion of the RTL failed in cycle {}", script.name, cycles));
  } else if (taken < beats) {
    fail(fmt::format("{}: stuck after {} cycles: {} of {} beats accepted, {} taken", script.name,
                     cycles, source.accepted(), beats, taken));
  } else if (bank.output(row)) {
    fail(fmt::format("{}: a beat after the last", script.name));
  }
  const bool full_rate = stalls.input == 0 && stalls.output == 0;
  if (full_rate && taken == beats && cycles != beats + kLatencyCycles) {
    fail(fmt::format("{}: {} beats at full rate took {} cycles, expected {}", script.name, beats,
                     cycles, beats + kLatencyCycles));
  }
}

}  // namespace gradpath::verify
