#include "sim/verify/stimulus/stream_script.hpp"

#include <array>
#include <bit>
#include <cmath>

#include "models/format/codec.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

// The golden model's word for every lane of every beat under one setting.
std::vector<std::uint32_t> golden_outputs(const Stages::Row& row, const StageSetting& setting,
                                          std::span<const float> values,
                                          std::span<const std::uint32_t> words) {
  std::vector<std::uint32_t> out(values.size());
  if (row.is_pruner) {
    std::vector<float> pruned(values.size());
    StochasticPruner(std::bit_cast<float>(setting.alpha), row.rounding.random_bits)
        .prune_with_words(values, words, pruned);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::bit_cast<std::uint32_t>(pruned[i]);
    return out;
  }
  const CastOptions options{row.rounding, row.overflow, NanPolicy::zero};
  if (row.scaled) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = encode(row.format, options, std::ldexp(double{values[i]}, setting.scale_exponent),
                      words[i]);
    }
  } else {
    Quantizer(row.format, options).to_codes_with_words<std::uint32_t>(values, words, out);
  }
  return out;
}

}  // namespace

StreamScript make_script(const Stages::Row& row, const StreamInput& input) {
  const std::size_t lanes = row.lanes;
  const std::size_t beats = (input.values.size() + lanes - 1) / lanes;
  const CounterRandom random{derive(input.seed, 1)};

  StreamScript script{
      .name = input.name, .seeds = {}, .settings = {}, .inputs = {}, .words = {}, .expected = {}};
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

  const auto is_other = [&](std::size_t beat) {
    return input.other && random.word(~std::uint64_t{beat}) % 3 == 0;
  };
  const StageSetting other = input.other.value_or(input.setting);
  const auto pruner = [&](const StageSetting& setting) {
    return StochasticPruner(std::bit_cast<float>(setting.alpha), row.rounding.random_bits);
  };
  if (input.decides && row.is_pruner) {
    const std::array pruners = {pruner(input.setting), pruner(other)};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t dice = random.word((std::uint64_t{1} << 32) + i);
      if ((dice >> 8 & 1) == 0) continue;
      values[i] = deciding_value(pruners[is_other(i / lanes) ? 1 : 0], script.words[i], dice);
    }
  }
  const std::array out = {golden_outputs(row, input.setting, values, script.words),
                          golden_outputs(row, other, values, script.words)};
  for (std::size_t beat = 0; beat < beats; ++beat) {
    Beat in;
    Beat expected;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = beat * lanes + lane;
      in.data[lane] = std::bit_cast<std::uint32_t>(values[i]);
      const bool hole = input.holes && random.word(i) % 4 == 0;
      if (i >= input.values.size() || hole) continue;
      in.mask |= 1u << lane;
      expected.data[lane] = out[is_other(beat) ? 1 : 0][i];
    }
    // A stream ends with its values; scripts with holes hold several streams.
    in.last = beat + 1 == beats || (input.holes && random.word(beat) % 16 == 0);
    expected.mask = in.mask;
    expected.last = in.last;
    script.settings.push_back(is_other(beat) ? other : input.setting);
    script.inputs.push_back(in);
    script.expected.push_back(expected);
  }
  return script;
}

}  // namespace gradpath::verify
