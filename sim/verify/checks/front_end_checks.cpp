#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/scale/scale.hpp"
#include "sim/verify/banks/front_end/front_end.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/checks/scoreboard.hpp"
#include "sim/verify/stimulus/compaction_script.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

using Setting = FrontEnd::Setting;

// A stream with what is set before it and what must be set while it passes.
struct Stream {
  std::vector<Beat> beats;
  std::vector<std::uint16_t> targets;  // with each beat
  bool adapt = false;
  bool decides = false;  // half of the values are at a decision of pruner or quantizer
  std::optional<Setting> load = {};
  // What is loaded while that beat is accepted: from the next on it counts.
  std::optional<std::size_t> loads_beside = {};
  Setting loaded = {};
  Setting setting = {};
};

// The golden model of a front end, over streams.
class GoldenFrontEnd {
 public:
  GoldenFrontEnd(const FrontEnd::Row& row, Seed seed) : row_(row), random_{derive(seed, 0xdec1de)} {
    for (std::uint32_t lane = 0; lane < row.lanes; ++lane) {
      seeds_.pruner.push_back(lane_seed(seed, RandomUnit::pruner, lane));
      seeds_.quantizer.push_back(lane_seed(seed, RandomUnit::quantizer, lane));
      pruner_words_.emplace_back(seeds_.pruner.back());
      quantizer_words_.emplace_back(seeds_.quantizer.back());
    }
  }
  [[nodiscard]] const FrontEnd::Seeds& seeds() const { return seeds_; }
  [[nodiscard]] const CompactionScript& script() const { return script_; }
  [[nodiscard]] Setting setting() const { return setting_; }

  // Notes the setting that the stream passes with, and what comes out. Some values it moves to
  // where the random words of their lanes decide.
  void pass(Stream& stream) {
    if (stream.load) setting_ = *stream.load;
    stream.setting = setting_;
    const CastOptions cast{row_.quantizer.rounding, Overflow::saturate, NanPolicy::zero};
    std::vector<Beat> codes;
    std::vector<float> elements;
    for (std::size_t b = 0; b < stream.beats.size(); ++b) {
      Beat& input = stream.beats[b];
      Beat beat = input;
      const StochasticPruner pruner(std::bit_cast<float>(setting_.alpha), row_.pruner_random_bits);
      for (std::size_t lane = 0; lane < row_.lanes; ++lane) {
        const std::uint32_t word = quantizer_words_[lane].word();
        auto x = std::bit_cast<float>(beat.data[lane]);
        const std::uint32_t dice = random_.word(draw_++);
        if (stream.decides && (dice >> 1 & 1) != 0)
          x = deciding_value(pruner, pruner_words_[lane].word(), dice);
        if (stream.decides && (dice >> 2 & 1) != 0) {
          x = deciding_value(row_.quantizer.format, cast, setting_.scale_exponent, x, word,
                             dice >> 3);
        }
        input.data[lane] = std::bit_cast<std::uint32_t>(x);
        const float pruned = pruner.prune(x, pruner_words_[lane].word());
        pruner_words_[lane].step();
        quantizer_words_[lane].step();
        beat.data[lane] = 0;
        if ((beat.mask >> lane & 1) == 0) continue;
        elements.push_back(x);
        beat.data[lane] = encode(row_.quantizer.format, cast,
                                 std::ldexp(double{pruned}, setting_.scale_exponent), word);
      }
      codes.push_back(beat);
      if (b == stream.loads_beside) setting_ = stream.loaded;
    }
    append_run(row_.quantizer.format, row_.lanes, codes, script_);
    std::uint64_t wanted = 0;
    for (std::size_t i = 0; i < stream.beats.size(); ++i) {
      const int lanes = std::popcount(stream.beats[i].mask);
      wanted += std::uint64_t{stream.targets[i]} * static_cast<std::uint64_t>(lanes);
    }
    if (stream.adapt) adapt(elements, wanted);
  }

 private:
  void adapt(const std::vector<float>& elements, std::uint64_t wanted) {
    ScaleStatistics statistics;
    for (const float x : elements) {
      if (std::isfinite(x)) statistics.amax = std::max(statistics.amax, std::fabs(double{x}));
    }
    setting_.scale_exponent = std::ilogb(
        resolve_scale({.kind = ScalePolicy::Kind::amax_po2}, row_.quantizer.format, statistics));
    if (row_.uses_logs) {
      LogThreshold unit;
      unit.add(elements);
      setting_.alpha = unit.solve_zeros(wanted);
    } else {
      HistogramThreshold unit(row_.histogram);
      unit.add(elements);
      setting_.alpha = unit.solve_zeros(wanted);
    }
  }

  FrontEnd::Row row_;
  CounterRandom random_;
  std::uint64_t draw_ = 0;
  FrontEnd::Seeds seeds_;
  std::vector<Lfsr> pruner_words_;
  std::vector<Lfsr> quantizer_words_;
  CompactionScript script_;
  Setting setting_;
};

// What a stream is made of.
enum class Kind : std::uint8_t {
  near,   // values around 2^-4
  any,    // any bits
  flat,   // one magnitude in every lane
  zeros,  // half of them zero
  tiny,   // fp32 subnormals, and values of one bit
  huge,   // the largest, and infinities
};

std::uint32_t random_value(Kind kind, std::uint32_t flat, std::uint32_t word) {
  const std::uint32_t sign = word & 0x80000000u;
  const std::uint32_t fraction = word & 0x007fffffu;
  switch (kind) {
    case Kind::any:
      return word;
    case Kind::flat:
      return sign | flat;
    case Kind::tiny:
      if ((word >> 23 & 3) == 0) return sign | 1u << fraction % 31;
      return sign | fraction >> (word >> 25 & 0x3f) % 24;
    case Kind::huge: {
      const std::uint32_t field = 255 - (word >> 24 & 15);
      return sign | field << 23 | (field == 255 && (word & 3) != 0 ? 0 : fraction);
    }
    case Kind::zeros:
      if ((word >> 24 & 1) != 0) return sign;
      [[fallthrough]];
    case Kind::near:
      break;
  }
  const auto field = static_cast<std::uint32_t>(127 - 12 + std::popcount(word >> 8 & 0xffff));
  return sign | fraction | field << 23;
}

// Either half of a binade, or what decides on the scale: the largest finite value's fraction, or a
// bit above it.
std::uint32_t flat_fraction(const FrontEnd::Row& row, std::uint32_t dice) {
  const auto largest = static_cast<float>(max_finite(row.quantizer.format));
  const std::uint32_t fraction = std::bit_cast<std::uint32_t>(largest) & 0x007fffffu;
  if ((dice & 2) == 0) return (dice & 1) << 22;
  return fraction + ((dice & 1) << (dice >> 2) % 23);
}

// Any, or one near the values.
Setting random_setting(Kind kind, const CounterRandom& random) {
  const std::uint32_t alpha = random.word(1);
  const std::uint32_t dice = random.word(2);
  if ((dice >> 16 & 1) != 0)
    return {.alpha = alpha % 0x7f800000u, .scale_exponent = static_cast<int>(dice % 256) - 128};
  switch (kind) {
    case Kind::tiny:
      return {.alpha = alpha >> 9 >> (alpha & 0xff) % 24,
              .scale_exponent = 127 - static_cast<int>(dice % 32)};
    case Kind::huge:
      return {.alpha = (239 + alpha % 16) << 23 | alpha >> 9,
              .scale_exponent = (dice >> 8 & 1) != 0 ? -128 + static_cast<int>(dice % 32)
                                                     : 127 - static_cast<int>(dice % 8)};
    default:
      return {.alpha = (112 + alpha % 16) << 23 | alpha >> 9,
              .scale_exponent = static_cast<int>(dice % 24) - 12};
  }
}

Stream random_stream(const FrontEnd::Row& row, std::size_t most_beats,
                     const CounterRandom& random) {
  const auto specials = special_inputs();
  const std::uint32_t dice = random.word(0);
  Stream stream{.beats = std::vector<Beat>(1 + dice % most_beats),
                .targets = {},
                .adapt = (dice >> 8 & 1) != 0};
  constexpr std::array kKinds = {Kind::near, Kind::any,  Kind::flat, Kind::zeros,
                                 Kind::tiny, Kind::huge, Kind::near, Kind::flat};
  const Kind kind = kKinds[random.word(~std::uint64_t{0}) % kKinds.size()];
  const std::uint32_t flat_word = random.word(~std::uint64_t{1});
  const std::uint32_t flat = (117 + flat_word % 9) << 23 | flat_fraction(row, flat_word >> 8);
  if (dice >> 9 & 1) stream.load = random_setting(kind, random);
  if (dice >> 13 & 1) {
    stream.loads_beside = random.word(~std::uint64_t{2}) % stream.beats.size();
    stream.loaded = random_setting(kind, CounterRandom{Seed{random.word(~std::uint64_t{3})}});
  }
  stream.decides = (dice >> 12 & 1) != 0;
  std::uint64_t draw = 3;
  for (Beat& beat : stream.beats) {
    const std::uint32_t holes = random.word(draw++);
    beat.mask = (1u << row.lanes) - 1;
    if (holes % 8 == 0) beat.mask &= holes >> 8;
    for (std::size_t lane = 0; lane < row.lanes; ++lane) {
      const std::uint32_t word = random.word(draw++);
      beat.data[lane] = random_value(kind, flat, word);
      if ((word >> 24) % 64 == 1) beat.data[lane] = specials[word % specials.size()];
    }
  }
  stream.beats.back().last = true;
  // Mostly one target, sometimes another with single beats.
  stream.targets.assign(stream.beats.size(), static_cast<std::uint16_t>(dice >> 16));
  if (dice >> 11 & 1) {
    for (std::uint16_t& target : stream.targets) {
      const std::uint32_t word = random.word(draw++);
      if (word % 8 == 0) target = static_cast<std::uint16_t>(word % 16 == 0 ? 0 : word >> 16);
    }
  }
  return stream;
}

std::vector<Stream> random_streams(const FrontEnd::Row& row, std::size_t count,
                                   std::size_t most_beats, Seed seed) {
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < count; ++i) {
    streams.push_back(random_stream(row, std::min(most_beats, row.max_elements / row.lanes),
                                    CounterRandom{derive(seed, i)}));
  }
  return streams;
}

// As many elements as can be counted, or a beat less, all in one bucket, for each bucket.
std::vector<Stream> bucket_streams(const FrontEnd::Row& row) {
  std::vector<Stream> streams;
  for (int bucket = 0; bucket < row.histogram.binades << row.histogram.mantissa_bits; ++bucket) {
    Beat beat{.mask = (1u << row.lanes) - 1};
    beat.data.fill(bucket_magnitude(row.histogram, bucket));
    const std::size_t most = row.max_elements / row.lanes;
    for (const std::size_t beats : {most, most - 1}) {
      Stream stream{.beats = std::vector<Beat>(beats, beat),
                    .targets = std::vector<std::uint16_t>(beats, 0x2345),
                    .adapt = true};
      stream.beats.back().last = true;
      streams.push_back(std::move(stream));
    }
  }
  return streams;
}

// A comparison in the last step of the threshold's solution that is close.
std::vector<Stream> tie_streams(const FrontEnd::Row& row) {
  std::vector<Stream> streams;
  for (const HistogramTie& tie : histogram_ties(row.histogram, row.lanes, row.max_elements)) {
    Beat beat{.mask = (1u << row.lanes) - 1};
    beat.data.fill(tie.magnitude);
    const std::size_t beats = (tie.elements + row.lanes - 1) / row.lanes;
    Stream stream{.beats = std::vector<Beat>(beats, beat),
                  .targets = std::vector<std::uint16_t>(beats, tie.target),
                  .adapt = true};
    stream.beats.back().last = true;
    stream.beats.back().mask = 1;
    stream.targets.back() = tie.last_target;
    streams.push_back(std::move(stream));
  }
  return streams;
}

// All one after the other; before them one that a reset breaks off in that cycle.
void run_streams(FrontEndBank& bank, std::size_t row, std::vector<Stream> streams,
                 std::uint32_t stall, Seed seed, Result& result, std::uint64_t broken_off = 200) {
  const CounterRandom random{seed};
  GoldenFrontEnd golden(bank.rows()[row], seed);
  for (Stream& stream : streams) golden.pass(stream);

  bank.reset(row, golden.seeds());
  // Beats that stand inside when the reset comes: nothing of them may leave, or count, after it.
  const std::vector<Beat>& first = streams.front().beats;
  const FrontEnd::Inputs all{.beat = first.front(),
                             .target = 1,
                             .adapt = true,
                             .load = Setting{.alpha = 0x3f800000u, .scale_exponent = 7},
                             .bitmap_ready = true,
                             .codes_ready = true};
  std::size_t entered = 0;
  for (std::uint64_t i = 0; i < broken_off; ++i) {
    const std::uint32_t dice = random.word(~i);
    FrontEnd::Inputs inputs = all;
    inputs.beat = first[entered % first.size()];
    if (dice % 8 != 0) inputs.load.reset();
    inputs.bitmap_ready = (dice >> 8 & 1) != 0;
    inputs.codes_ready = (dice >> 9 & 1) != 0;
    if (broken_off != 200) check_registered(bank, row, {all, {}}, result);
    if (bank.view(row).ready) ++entered;
    bank.cycle(row, inputs);
  }
  bank.reset(row, golden.seeds(), all);
  StreamSink bitmap(stall);
  StreamSink codes(stall);
  std::uint64_t cycle = 0;
  const auto clock = [&](FrontEnd::Inputs inputs) {
    const std::uint32_t dice = random.word(cycle++) >> 8;
    const auto view = bank.view(row);
    inputs.bitmap_ready = bitmap.ready(view.bitmap, dice);
    inputs.codes_ready = codes.ready(view.codes, dice >> 8);
    bank.cycle(row, inputs);
    bitmap.clock(view.bitmap, bank.ticks() - 1);
    codes.clock(view.codes, bank.ticks() - 1);
    return view;
  };
  const auto wait_until = [&](auto done) {
    for (int i = 0; i < 4096 && !done(); ++i) clock({});
  };
  for (const Stream& stream : streams) {
    // A stream that loads nothing is offered while the last one is still worked on.
    if (stream.load) {
      wait_until([&] { return bank.view(row).ready; });
      clock({.load = stream.load});
    }
    bool compared = false;
    const auto compare_setting = [&](const FrontEnd::View& view) {
      if (compared || !view.ready) return;
      compared = true;
      result.count(view.setting == stream.setting, bank.ticks() - 1, [&] {
        return fmt::format("threshold and scale: expected=0x{:08x},2^{} got=0x{:08x},2^{}",
                           stream.setting.alpha, stream.setting.scale_exponent, view.setting.alpha,
                           view.setting.scale_exponent);
      });
    };
    StreamSource source(stream.beats, stall);
    const std::uint64_t end = cycle + 1000 + 100 * stream.beats.size();
    std::uint64_t lost = 0;  // cycles within the stream in which no beat entered
    while (source.accepted() < stream.beats.size() && cycle < end) {
      const auto offer = source.offer(random.word(cycle));
      const std::uint16_t target = stream.targets[source.accepted()];
      FrontEnd::Inputs inputs{.beat = offer, .target = target, .adapt = stream.adapt};
      const bool loads = offer && bank.view(row).ready && source.accepted() == stream.loads_beside;
      if (loads) inputs.load = stream.loaded;
      const auto view = clock(inputs);
      compare_setting(view);
      if (!view.ready && source.accepted() > 0) ++lost;
      source.clock(view.ready);
    }
    if (stall == 0) {
      result.count(lost == 0, bank.ticks() - 1, [&] {
        return fmt::format("{} beats at full rate lost {} cycles", stream.beats.size(), lost);
      });
    }
  }
  wait_until([&] {
    return bank.view(row).ready && bitmap.beats().size() >= golden.script().bitmap.size() &&
           codes.beats().size() >= golden.script().codes.size();
  });
  for (int i = 0; i < 8; ++i) clock({});  // a beat too many would show now
  const std::size_t lanes = bank.rows()[row].lanes;
  compare_beats("bitmap", golden.script().bitmap, bitmap, lanes, result);
  compare_beats("codes", golden.script().codes, codes, lanes, result);
  result.count(bank.view(row).setting == golden.setting(), bank.ticks(),
               [] { return std::string("threshold and scale after the last stream"); });
}

// A setting that is loaded in each cycle after a stream's last beat, up to past the update that the
// stream brings: before the update's edge the update stays, at it and after it what is loaded.
void check_loads_beside_an_update(FrontEndBank& bank, std::size_t row, const Options& options,
                                  Result& result) {
  constexpr std::uint64_t kPatience = 4096;
  const Seed seed = derive(options.seed, 0x10ad + row);
  const FrontEnd::Row& parameters = bank.rows()[row];
  std::vector<Stream> streams = random_streams(parameters, 1, 4, seed);
  Stream& stream = streams.front();
  stream.adapt = true;
  stream.load.reset();
  stream.loads_beside.reset();
  GoldenFrontEnd golden(parameters, seed);
  golden.pass(stream);
  const Setting updated = golden.setting();
  const Setting loaded{.alpha = updated.alpha ^ 0x00155555u,
                       .scale_exponent = updated.scale_exponent == 5 ? 6 : 5};
  // The cycles after the last beat's until it is ready again, which it is once the update is in.
  const auto run = [&](std::optional<std::uint64_t> load_at) {
    bank.reset(row, golden.seeds());
    const FrontEnd::Inputs idle{.bitmap_ready = true, .codes_ready = true};
    for (std::uint64_t i = 0; i < kPatience && !bank.view(row).ready; ++i) bank.cycle(row, idle);
    for (std::size_t beat = 0; beat < stream.beats.size(); ++beat) {
      FrontEnd::Inputs inputs = idle;
      inputs.beat = stream.beats[beat];
      inputs.target = stream.targets[beat];
      inputs.adapt = true;
      bank.cycle(row, inputs);
    }
    std::uint64_t cycles = 0;
    for (; cycles < kPatience && (!bank.view(row).ready || (load_at && cycles <= *load_at));
         ++cycles) {
      FrontEnd::Inputs inputs = idle;
      if (cycles == load_at) inputs.load = loaded;
      bank.cycle(row, inputs);
    }
    return cycles;
  };
  const std::uint64_t cycles = run({});
  const auto check = [&](const Setting& expected, const std::string& when) {
    const Setting got = bank.view(row).setting;
    result.count(got == expected, bank.ticks() - 1, [&] {
      return fmt::format("{}: threshold and scale: expected=0x{:08x},2^{} got=0x{:08x},2^{}", when,
                         expected.alpha, expected.scale_exponent, got.alpha, got.scale_exponent);
    });
  };
  check(updated, "an update");
  for (std::uint64_t k = 0; k < cycles + 3 && options.goes_on(result); ++k) {
    run(k);
    check(k + 1 < cycles ? updated : loaded,
          fmt::format("a load {} cycles after the last beat, an update after {}", k, cycles - 1));
  }
}

std::vector<Result> check_row(std::size_t row, const Options& options, Waveform* wave) {
  FrontEndBank bank;
  bank.watch(wave, row);
  const FrontEnd::Row& parameters = bank.rows()[row];
  Result result{.module = "front_end",
                .format = format_name(parameters.quantizer.format),
                .rounding = rounding_name(parameters.quantizer.rounding),
                .overflow = "saturate",
                .scale = "exponent"};
  // A reset in every cycle of short streams (of slow threshold units in one of some cycles).
  const std::uint64_t all_cycles = parameters.max_elements < kSmallHistogram ? 90 : 400;
  for (std::uint64_t k = 0; k < all_cycles && options.goes_on(result); k += 1 + all_cycles / 90) {
    const Seed seed = derive(derive(options.seed, 0x7e5e7 + row), k);
    run_streams(bank, row, random_streams(parameters, 2, 4, seed), 0, seed, result, k);
  }
  if (options.goes_on(result)) check_loads_beside_an_update(bank, row, options, result);
  for (const std::uint32_t stall : {0u, 32u, 128u, 200u, kWaitsForAnOffer}) {
    for (std::uint64_t repeat = 0; repeat < 3 && options.goes_on(result); ++repeat) {
      const Seed seed = derive(derive(options.seed, 0xf0 + row), 8 * stall + repeat);
      run_streams(bank, row, random_streams(parameters, 24, 97, seed), stall, seed, result);
    }
  }
  // Of few elements, where a comparison on the way to the threshold is close more often, and of
  // many that fill the counters: where the threshold unit is small, and so quick.
  if (parameters.max_elements < kSmallHistogram) {
    for (std::uint64_t repeat = 0; repeat < 16 && options.goes_on(result); ++repeat) {
      const Seed seed = derive(derive(options.seed, 0xfe0 + row), repeat);
      run_streams(bank, row, random_streams(parameters, 1000, 3, seed), 0, seed, result);
      run_streams(bank, row, random_streams(parameters, 50, parameters.max_elements, seed), 0, seed,
                  result);
    }
    if (options.goes_on(result))
      run_streams(bank, row, bucket_streams(parameters), 0, options.seed, result);
    if (options.goes_on(result))
      run_streams(bank, row, tie_streams(parameters), 0, options.seed, result);
  }
  result.count_assertion(bank.failed_assertion());
  return {result};
}

std::vector<Check> checks_of(std::string_view, const Options& options) {
  std::vector<Check> checks;
  const FrontEndBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    const QuantizerRow& quantizer = bank.rows()[row].quantizer;
    if (!options.has_format(quantizer.format) || !options.has_rounding(quantizer.rounding) ||
        !options.has_overflow(Overflow::saturate)) {
      continue;
    }
    checks.emplace_back([=](Waveform* wave) { return check_row(row, options, wave); });
  }
  return checks;
}

void add_built(std::string_view, Built& built) {
  const FrontEndBank bank;
  for (const FrontEnd::Row& row : bank.rows())
    built.add(row.quantizer.format, row.quantizer.rounding);
}

}  // namespace

extern const Family k_front_end;  // the registry declares it too
const Family k_front_end = {add_built, checks_of};

}  // namespace gradpath::verify
