#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "models/format/formats.hpp"
#include "models/scale/scale.hpp"
#include "sim/verify/banks/stages/stages.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/checks/scoreboard.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

constexpr std::array kStalls = {Stalls{0, 0},
                                Stalls{128, 0},
                                Stalls{0, 128},
                                Stalls{128, 128},
                                Stalls{32, 224},
                                Stalls{224, 32},
                                Stalls{64, kWaitsForAnOffer}};

std::string_view module_of(const Stages::Row& row) {
  return row.is_pruner ? "pruner" : "quantizer";
}

bool wanted(const Stages::Row& row, std::string_view module, const Options& options) {
  if (module_of(row) != module || !options.has_rounding(row.rounding)) return false;
  return row.is_pruner || (options.has_format(row.format) && options.has_overflow(row.overflow));
}

Result empty_result(const Stages::Row& row) {
  if (row.is_pruner) return {.module = "pruner", .rounding = rounding_name(row.rounding)};
  return {.module = "quantizer",
          .format = format_name(row.format),
          .rounding = rounding_name(row.rounding),
          .overflow = std::string(overflow_name(row.overflow)),
          .scale = row.scaled ? "exponent" : ""};
}

// Values over the whole range of a format and a little beyond, some of any bits, some special.
std::vector<float> random_values(const Stages::Row& row, std::size_t count, Seed seed) {
  const CounterRandom random{seed};
  const auto specials = special_inputs();
  const int least = row.is_pruner ? -28 : row.format.min_exponent() - row.format.mantissa_bits - 3;
  const int most = row.is_pruner ? 3 : row.format.min_exponent() + (1 << row.format.exponent_bits);
  const auto binades = static_cast<std::uint32_t>(most - least + 1);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits = random.word(2 * i);
    const std::uint32_t dice = random.word(2 * i + 1);
    if (dice % 16 == 0) {
      bits = specials[bits % specials.size()];
    } else if (dice % 16 != 1) {
      const int exponent = least + static_cast<int>((dice >> 8) % binades);
      bits = (bits & 0x807fffffu) | static_cast<std::uint32_t>(std::clamp(exponent + 127, 0, 254))
                                        << 23;
    }
    values[i] = std::bit_cast<float>(bits);
  }
  return values;
}

struct StalledScript {
  StreamScript script;
  Running running;
  Seed seed;
};

void run(StageBank& bank, std::size_t row, const StalledScript& stalled, Result& result) {
  run_script(bank, row, stalled.script, stalled.running, stalled.seed, result);
}

StalledScript random_script(const Stages::Row& parameters, std::uint64_t index, Seed row_seed,
                            std::size_t elements = 4001) {
  const Stalls stalls = kStalls[index / 2];
  const Seed seed = derive(row_seed, index);
  const auto values = random_values(parameters, elements, seed);
  const CounterRandom random{derive(seed, 3)};
  // Thresholds of any fraction in the upper binades of the values, so that many are near.
  const std::uint32_t alpha =
      index == 0 ? 0x3f800000u : (127 - random.word(1) % 12) << 23 | random.word(0) >> 9;
  const StageSetting setting{.alpha = alpha,
                             .scale_exponent = static_cast<int>((index + 1) % 7) - 3};
  const StreamInput input{.name = fmt::format("random stream {}", index + 1),
                          .values = values,
                          .setting = setting,
                          .other = StageSetting{.alpha = alpha ^ (3u << 22),
                                                .scale_exponent = setting.scale_exponent - 5},
                          .seed = seed,
                          .holes = index % 2 == 1,
                          .decides = index % 3 == 2};
  // The first breaks nothing off: registers hold what they were made with.
  return {make_script(parameters, input), {.stalls = stalls, .broken_off = index}, derive(seed, 2)};
}

constexpr std::size_t kHeldBeats = 8;
constexpr std::uint64_t kLongestHold = 4;

std::vector<Result> check_random(std::size_t row, const Options& options, Waveform* wave) {
  StageBank bank;
  bank.watch(wave, row);
  const Stages::Row& parameters = bank.rows()[row];
  Result result = empty_result(parameters);
  const Seed row_seed = derive(options.seed, row);
  for (std::uint64_t index = 0; index < 2 * kStalls.size() && options.goes_on(result); ++index) {
    run(bank, row, random_script(parameters, index, row_seed), result);
  }
  // Seeds of a single bit, and none: an LFSR takes no seed but 0 for 0. The reset before breaks off
  // a run after so many cycles.
  for (std::uint32_t bit = 0; bit <= 32 && options.goes_on(result); ++bit) {
    const std::vector<float> values(4 * parameters.lanes, 0.3f);
    const StreamInput input{.name = fmt::format("seeds with bit {} alone", bit),
                            .values = values,
                            .setting = {.alpha = 0x3f800000u},
                            .seed_bit = bit};
    run(bank, row, {make_script(parameters, input), {.broken_off = bit}, Seed{bit}}, result);
  }
  // Either end stands still once, at any place, and nothing is lost but those cycles.
  const auto values = random_values(parameters, kHeldBeats * parameters.lanes, row_seed);
  const StreamInput input{
      .name = "a hold", .values = values, .setting = {.alpha = 0x3f000000u}, .seed = row_seed};
  const StreamScript script = make_script(parameters, input);
  for (std::uint64_t i = 0; i < 2 * kHeldBeats * kLongestHold && options.goes_on(result); ++i) {
    const Hold hold{
        .input = i % 2 == 0, .first = i / 2 / kLongestHold, .cycles = 1 + i / 2 % kLongestHold};
    run(bank, row, {script, {.hold = hold}, Seed{i}}, result);
  }
  return {result};
}

// The 0.9 quantile of the finite nonzero magnitudes; 0 if there are none.
float threshold(std::span<const float> values) {
  std::vector<float> magnitudes;
  for (const float x : values) {
    if (x != 0 && std::isfinite(x)) magnitudes.push_back(std::fabs(x));
  }
  if (magnitudes.empty()) return 0;
  const auto nth = magnitudes.begin() + static_cast<std::ptrdiff_t>(magnitudes.size() * 9 / 10);
  std::nth_element(magnitudes.begin(), nth, magnitudes.end());
  return *nth;
}

float power_of_two_scale(const Format& format, std::span<const float> values) {
  ScaleStatistics statistics;
  for (const float x : values) {
    if (std::isfinite(x)) statistics.amax = std::max(statistics.amax, std::fabs(double{x}));
  }
  return resolve_scale({.kind = ScalePolicy::Kind::amax_po2}, format, statistics);
}

StalledScript data_script(const Stages::Row& parameters, const StreamData& data, Seed row_seed) {
  std::vector<float> values(data.values.begin(), data.values.end());
  StreamInput input{.name = data.name, .values = values, .seed = row_seed};
  if (parameters.is_pruner) {
    input.setting.alpha = std::bit_cast<std::uint32_t>(threshold(values));
  } else {
    const float scale = power_of_two_scale(parameters.format, values);
    input.setting.scale_exponent = std::ilogb(scale);
    if (!parameters.scaled) {
      for (float& x : values) x *= scale;
    }
  }
  return {make_script(parameters, input),
          {.stalls = {.input = 48, .output = 48}},
          derive(input.seed, 2)};
}

std::vector<Result> check_data(std::size_t row, const Options& options, const StreamData& data,
                               Waveform* wave) {
  StageBank bank;
  bank.watch(wave, row);
  const Stages::Row& parameters = bank.rows()[row];
  Result result = empty_result(parameters);
  run(bank, row, data_script(parameters, data, derive(options.seed, row)), result);
  return {result};
}

std::vector<Check> checks_of(std::string_view module, const Options& options) {
  const StageBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!wanted(bank.rows()[row], module, options)) continue;
    checks.emplace_back([=](Waveform* wave) { return check_random(row, options, wave); });
  }
  return checks;
}

std::vector<Check> data_checks_of(std::string_view module, const Options& options,
                                  const StreamData& data) {
  const StageBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!wanted(bank.rows()[row], module, options)) continue;
    checks.emplace_back([=](Waveform* wave) { return check_data(row, options, data, wave); });
  }
  return checks;
}

std::vector<VectorSet> vectors_of(std::string_view module, const Options& options) {
  constexpr std::size_t kElements = 500;
  const StageBank bank;
  std::vector<VectorSet> sets;
  for (std::size_t i = 0; i < bank.rows().size(); ++i) {
    const Stages::Row& row = bank.rows()[i];
    if (!wanted(row, module, options)) continue;
    const StreamScript script = random_script(row, 1, derive(options.seed, i), kElements).script;
    const std::size_t lanes = row.lanes;
    const std::size_t code_bits = row.is_pruner ? 32 : static_cast<std::size_t>(row.format.bits());
    Beat seeds;
    std::copy(script.seeds.begin(), script.seeds.end(), seeds.data.begin());
    VectorSet set{
        .module = std::string(module),
        .name = fmt::format("{}-{}", module, i),
        .parameters =
            row.is_pruner
                ? fmt::format(".Lanes({}), .RandomBits({})", lanes, row.rounding.random_bits)
                : fmt::format(".Lanes({}), {}, {}, .Saturate(1'b{}), .Scaled(1'b{})", lanes,
                              format_parameters(row.format), rounding_parameters(row.rounding),
                              row.overflow == Overflow::saturate ? 1 : 0, row.scaled ? 1 : 0),
        .ties = {{"seed_i", HexWord().add_lanes(seeds, lanes, 32)}},
        .inputs = {{.prefix = "",
                    .fields = {{row.is_pruner ? "alpha_i" : "scale_exponent_i",
                                row.is_pruner ? 31 : 8},
                               {"data_i", 32 * lanes},
                               {"mask_i", lanes},
                               {"last_i", 1}},
                    .words = {}}},
        .outputs = {{.prefix = "",
                     .fields = {{"data_o", code_bits * lanes}, {"mask_o", lanes}, {"last_o", 1}},
                     .words = {}}}};
    for (std::size_t b = 0; b < script.inputs.size(); ++b) {
      const Beat& in = script.inputs[b];
      const Beat& out = script.expected[b];
      HexWord word;
      if (row.is_pruner) {
        word.add(script.settings[b].alpha, 31);
      } else {
        word.add(static_cast<std::uint8_t>(script.settings[b].scale_exponent), 8);
      }
      set.inputs[0].words.push_back(
          word.add_lanes(in, lanes, 32).add(in.mask, lanes).add(in.last, 1));
      set.outputs[0].words.push_back(
          HexWord().add_lanes(out, lanes, code_bits).add(out.mask, lanes).add(out.last, 1));
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

void add_built(std::string_view module, Built& built) {
  const StageBank bank;
  for (const Stages::Row& row : bank.rows()) {
    if (module_of(row) != module) continue;
    built.add(row.rounding);
    if (!row.is_pruner) built.add(row.format);
  }
}

}  // namespace

extern const Family k_stages;  // the registry declares it too
const Family k_stages = {add_built, checks_of, data_checks_of, vectors_of};

}  // namespace gradpath::verify
