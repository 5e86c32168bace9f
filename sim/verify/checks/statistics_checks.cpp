#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/scale/scale.hpp"
#include "sim/verify/banks/statistics/statistics.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/checks/scoreboard.hpp"
#include "sim/verify/stimulus/batch.hpp"
#include "sim/verify/stimulus/stream_ends.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

using Answer = Statistics::Answer;
using Unit = Statistics::Unit;

std::string_view unit_name(Unit unit) {
  switch (unit) {
    case Unit::amax:
      return "amax_unit";
    case Unit::histogram:
      return "threshold_histogram";
    case Unit::log:
      return "threshold_log";
  }
  return "";
}

// A stream and what the golden model says to it.
struct Script {
  std::string name;
  std::vector<Beat> beats;
  std::vector<std::uint16_t> targets;  ///< with each beat
  std::vector<float> elements;         ///< those in the beats' masks
  std::uint64_t wanted = 0;            ///< zeros, in 65536ths of an element
};

Answer golden_answer(const Statistics::Row& row, const Script& script) {
  if (row.unit == Unit::amax) {
    ScaleStatistics statistics;
    for (const float x : script.elements) {
      if (std::isfinite(x)) statistics.amax = std::max(statistics.amax, std::fabs(double{x}));
    }
    const float scale =
        resolve_scale({.kind = ScalePolicy::Kind::amax_po2}, row.format, statistics);
    return {.magnitude = std::bit_cast<std::uint32_t>(static_cast<float>(statistics.amax)),
            .scale_exponent = std::ilogb(scale)};
  }
  if (row.unit == Unit::histogram) {
    HistogramThreshold unit(row.config);
    unit.add(script.elements);
    return {.magnitude = unit.solve_zeros(script.wanted)};
  }
  LogThreshold unit;
  unit.add(script.elements);
  return {.magnitude = unit.solve_zeros(script.wanted)};
}

// holes: lanes without an element. The target is that of every beat, or, mixed, of some.
struct Shape {
  bool holes = false;
  bool mixed = false;
};

Script make_script(const Statistics::Row& row, std::string name, std::uint16_t target,
                   std::span<const float> values, Shape shape, const CounterRandom& random) {
  Script script{.name = std::move(name), .beats = {}, .targets = {}, .elements = {}};
  std::size_t next = 0;
  std::uint64_t draw = std::uint64_t{1} << 32;
  do {
    Beat beat;
    beat.mask = (1u << row.lanes) - 1;
    if (shape.holes) beat.mask &= random.word(draw++);
    for (std::size_t i = 0; i < row.lanes; ++i) {
      // Must not count, be it a large value, zero, one, the least, or infinity.
      constexpr std::array kLoose = {0x7f000000u, 0u, 0x3f800000u, 1u, 0x7f800000u};
      beat.data[i] = kLoose[(script.beats.size() + i) % kLoose.size()];
      if ((beat.mask >> i & 1) == 0) continue;
      if (next == values.size()) {
        beat.mask &= ~(1u << i);
        continue;
      }
      beat.data[i] = std::bit_cast<std::uint32_t>(values[next]);
      script.elements.push_back(values[next++]);
    }
    beat.last = next == values.size();
    script.beats.push_back(beat);
    std::uint16_t here = target;
    if (const std::uint32_t dice = shape.mixed ? random.word(draw++) : 1; dice % 2 == 0) {
      here = static_cast<std::uint16_t>(dice % 4 == 0 ? 0 : dice >> 16);
    }
    script.targets.push_back(here);
    script.wanted += std::uint64_t{here} * static_cast<std::uint64_t>(std::popcount(beat.mask));
  } while (next < values.size());
  return script;
}

// Magnitudes spread like a gradient's, narrowly or widely, around any power of two (of a
// histogram's binades in half of all streams), or of special values alone; some zeros.
std::vector<float> random_values(const Statistics::Row& row, std::size_t count,
                                 const CounterRandom& random) {
  const auto specials = special_inputs();
  const std::uint32_t dice = random.word(0);
  double centre = static_cast<double>(dice % 61) - 50;
  if (row.unit == Unit::histogram && (dice >> 24 & 1) != 0) {
    centre = row.config.first_field - 127 + static_cast<int>(dice % 64) % row.config.binades;
  }
  const double width = std::array{0.0, 0.3, 1.0, 2.0, 4.0, 12.0}[(dice >> 8) % 6];
  const std::uint32_t zeros = std::array{0u, 0u, 64u, 230u}[dice >> 16 & 3];
  const bool flat = (dice >> 26 & 3) == 0;  // the sums grow as fast as they can
  const std::uint32_t special = std::array{0u, 2u, 16u, 256u}[dice >> 20 & 3];
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t a = random.word(3 * i + 1);
    const std::uint32_t b = random.word(3 * i + 2);
    double sum = 0;  // of four uniforms: near enough to normal
    for (int k = 0; k < 4; ++k) sum += (b >> (8 * k) & 0xff) / 255.0 - 0.5;
    const double fraction = 1.0 + (a & 0x7fffff) / 8388608.0;
    const double magnitude = flat ? std::exp2(centre) : fraction * std::exp2(centre + width * sum);
    values[i] = static_cast<float>(a >> 31 ? -magnitude : magnitude);
    if ((a >> 23 & 0xff) < zeros) values[i] = a >> 31 ? -0.0f : 0.0f;
    if ((random.word(3 * i + 3) & 0xff) < special) {
      values[i] = std::bit_cast<float>(specials[b % specials.size()]);
    }
  }
  return values;
}

// most: elements of a stream, if its counters can hold as many.
std::vector<Script> random_scripts(const Statistics::Row& row, std::size_t count, std::size_t most,
                                   Seed seed) {
  std::vector<Script> scripts;
  const std::vector<float> none;
  for (std::size_t i = 0; i < count; ++i) {
    const CounterRandom random{derive(seed, i)};
    const std::uint32_t dice = random.word(~std::uint64_t{0});
    const std::size_t elements =
        std::min(std::array<std::size_t, 8>{40, 0, 1, 2, 200, 9, 700, 2500}[i % 8],
                 std::min(most, row.max_elements));
    auto target = static_cast<std::uint16_t>(
        dice % 8 == 0 ? std::array{0u, 1u, 65535u, 32768u}[dice >> 8 & 3] : dice >> 16);
    // Round targets: with few or equal elements a comparison on the way meets equality.
    if ((dice >> 14 & 3) == 0) target &= 0xf000u;
    const auto values = random_values(row, elements, random);
    const Shape shape{.holes = (dice >> 12 & 1) != 0, .mixed = (dice >> 13 & 1) != 0};
    scripts.push_back(make_script(row, fmt::format("stream {} of seed 0x{:x}", i, seed.value),
                                  target, values, shape, random));
  }
  return scripts;
}

// Every cell of the table of threshold_log.sv: half the magnitudes 2^d, half 2^-d, so that log2|x|
// has the variance d^2 = 2^(w/2 - 4), in the middle between two columns; of rows the same.
std::vector<Script> table_scripts(const Statistics::Row& row) {
  constexpr int kRows = 12;
  constexpr int kColumns = 24;
  constexpr std::size_t kElements = 32;
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (int t = 0; t < kRows; ++t) {
    for (int w = 0; w < kColumns; ++w) {
      const double kept = std::exp2(-(t + 0.5) / 2);
      const double d = std::exp2((w + 0.5) / 4 - 2);
      std::vector<float> values(kElements, static_cast<float>(std::exp2(d)));
      std::fill_n(values.begin(), kElements / 2, static_cast<float>(std::exp2(-d)));
      scripts.push_back(make_script(row, fmt::format("row {}, column {} of the table", t, w),
                                    static_cast<std::uint16_t>(65536 * (1 - kept)), values, {},
                                    random));
    }
  }
  // Variances about that of the last column, a step apart: so many elements 33 octaves above the
  // others.
  for (std::size_t above = 14; above < 18; ++above) {
    for (std::size_t others = 22; others < 27; ++others) {
      for (const double kept : {1.0 / 2, 1.0 / 32}) {
        std::vector<float> values(above, 0x1p33f);
        values.resize(above + others, 1.0f);
        scripts.push_back(make_script(row, fmt::format("{} of {} at 2^33", above, values.size()),
                                      static_cast<std::uint16_t>(65536 * (1 - kept)), values, {},
                                      random));
      }
    }
  }
  // The table's corners, where what points beyond it is held back: exact logarithms.
  for (const double d : {0.25, 16.0, std::exp2(4.5)}) {
    for (const double kept : {1.0, 1.0 / 32, 1.0 / 64, 1.0 / 128}) {
      std::vector<float> values(kElements, static_cast<float>(std::exp2(d)));
      std::fill_n(values.begin(), kElements / 2, static_cast<float>(std::exp2(-d)));
      const auto target = static_cast<std::uint16_t>(std::max(1.0, 65536 * (1 - kept)));
      scripts.push_back(make_script(row, fmt::format("kept {}, 2^{} and its inverse", kept, d),
                                    target, values, {}, random));
    }
  }
  // The least normals, of which nearly all are kept: the threshold is below them.
  const std::vector<float> least(kElements, std::numeric_limits<float>::min());
  scripts.push_back(make_script(row, "the least normals", 700, least, {}, random));
  std::vector<float> wide = least;
  std::fill_n(wide.begin(), kElements / 2, 0x1p-90f);
  scripts.push_back(make_script(row, "least normals and others", 700, wide, {}, random));
  return scripts;
}

// Every value of the table of threshold_log.sv, where it alone counts, with means a little apart:
// an answer has two bits less than the sum of mean and value, and shows one in four of their
// changes.
std::vector<Script> table_value_scripts(const Statistics::Row& row) {
  constexpr int kRows = 13;
  constexpr int kColumns = 25;
  constexpr int kMeans = 4;  // 1 / 256 of an octave apart
  // Of 16 pairs the logarithms miss the table's points by a little to one side, of 14 to the other.
  const std::vector<std::size_t> pairs = row.max_elements < kSmallHistogram
                                             ? std::vector<std::size_t>{16, 14}
                                             : std::vector<std::size_t>{16};
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (int t = 0; t < kRows; ++t) {
    for (int w = 0; w < kColumns; ++w) {
      const double kept = std::exp2(-t / 2.0);
      const double d = std::exp2(w / 4.0 - 2);
      const auto target = static_cast<std::uint16_t>(std::max(1.0, 65536 * (1 - kept)));
      for (int i = 0; i < kMeans * static_cast<int>(pairs.size()); ++i) {
        const int mean = i % kMeans;
        std::vector<float> values;
        for (std::size_t pair = 0; pair < pairs[static_cast<std::size_t>(i / kMeans)]; ++pair) {
          const double shift = static_cast<int>(pair) < 2 * mean ? 1.0 / 32 : 0;
          values.push_back(static_cast<float>(std::exp2(shift + d)));
          values.push_back(static_cast<float>(std::exp2(shift - d)));
        }
        scripts.push_back(make_script(row,
                                      fmt::format("value {}, {} of the table, mean {}", t, w, mean),
                                      target, values, {}, random));
      }
    }
  }
  return scripts;
}

// Of the elements to be kept, in 65536ths, and of their count each bit alone: whether there are
// any.
std::vector<Script> kept_scripts(const Statistics::Row& row) {
  constexpr std::size_t kMost = 1u << 12;
  const std::size_t most = std::min(kMost, row.max_elements);
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (int bit = 0; bit <= 16 || (std::size_t{1} << (bit - 16)) <= most; ++bit) {
    const std::vector<float> values(std::size_t{1} << std::max(0, bit - 16), 1.5f);
    const auto target = static_cast<std::uint16_t>(65536 - (1 << std::min(bit, 16)));
    scripts.push_back(
        make_script(row, fmt::format("2^{} kept", bit - 16), target, values, {}, random));
  }
  return scripts;
}

// One or two magnitudes at both ends of fp32's range, with the targets at which the threshold
// leaves zero, or fp32, and those before.
std::vector<Script> range_scripts(const Statistics::Row& row) {
  constexpr std::uint32_t kLargest = 0x7f7fffff;
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (const std::uint32_t field : {1u, 2u, 3u, 4u, 9u, 127u, 249u, 250u, 251u, 252u, 253u, 254u}) {
    for (std::uint32_t fraction = 0; fraction < 64; fraction += 9) {
      const auto x = std::bit_cast<float>(field << 23 | fraction << 17);
      for (const float other : {0.0f, x, x / 2}) {
        LogThreshold unit;
        std::vector<float> values = {x};
        if (other != 0) values.push_back(other);
        unit.add(values);
        const auto answer = [&](std::uint32_t target) {
          return unit.solve(static_cast<std::uint16_t>(target));
        };
        for (const auto at :
             {first_difference(0, 65535, [&](auto q) { return answer(q) != 0; }),
              first_difference(0, 65535, [&](auto q) { return answer(q) == kLargest; })}) {
          for (const std::uint32_t q : {at.value_or(65535) - 1, at.value_or(65535)}) {
            scripts.push_back(make_script(row,
                                          fmt::format("0x{:08x} and {} at an end of fp32",
                                                      std::bit_cast<std::uint32_t>(x), other),
                                          static_cast<std::uint16_t>(q), values, {}, random));
          }
        }
      }
    }
  }
  return scripts;
}

// About as many cycles as a unit takes to its answer; the histogram as many to clear its counters.
std::uint64_t solve_cycles(const Statistics::Row& row) {
  if (row.unit == Unit::amax) return 4;
  if (row.unit == Unit::histogram) {
    return (static_cast<std::uint64_t>(row.config.binades) << row.config.mantissa_bits) + 16;
  }
  return 7 * static_cast<std::uint64_t>(std::bit_width(row.max_elements)) + 84;
}

// As many elements as can be counted, all in one bucket, for each bucket of a small histogram.
std::vector<Script> bucket_scripts(const Statistics::Row& row) {
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (int bucket = 0; bucket < row.config.binades << row.config.mantissa_bits; ++bucket) {
    const std::vector<float> values(row.max_elements,
                                    std::bit_cast<float>(bucket_magnitude(row.config, bucket)));
    for (const std::uint16_t target : {std::uint16_t{0x8000}, std::uint16_t{0x2345}}) {
      scripts.push_back(
          make_script(row, fmt::format("all in bucket {}", bucket), target, values, {}, random));
    }
  }
  return scripts;
}

// A comparison in the last step of the solution that is close, for a small histogram.
std::vector<Script> tie_scripts(const Statistics::Row& row) {
  const CounterRandom random{Seed{}};
  std::vector<Script> scripts;
  for (const HistogramTie& tie : histogram_ties(row.config, row.lanes, row.max_elements)) {
    const std::vector<float> values(tie.elements, std::bit_cast<float>(tie.magnitude));
    scripts.push_back(make_script(row, fmt::format("{} elements at a tie", tie.elements),
                                  tie.target, values, {}, random));
    scripts.back().targets.back() = tie.last_target;
    scripts.back().wanted += std::uint64_t{tie.last_target} - tie.target;
  }
  return scripts;
}

// All streams one after the other without a reset between; the next is offered while the last is
// still worked on. Before them a stream that a reset breaks off: in that cycle, or (none) while it
// enters, of which nothing may be seen.
void run_scripts(StatisticsBank& bank, std::size_t row, std::span<const Script> scripts,
                 std::uint32_t stall, Seed seed, Result& result,
                 std::optional<std::uint64_t> broken_off = {}) {
  const CounterRandom random{seed};
  constexpr std::uint64_t kLongestSolve = 4096;
  std::vector<Beat> beats;
  std::vector<std::uint16_t> targets;  // with each beat
  for (const Script& script : scripts) {
    beats.insert(beats.end(), script.beats.begin(), script.beats.end());
    targets.insert(targets.end(), script.targets.begin(), script.targets.end());
  }
  const auto longest = std::max_element(
      scripts.begin(), scripts.end(),
      [](const Script& a, const Script& b) { return a.beats.size() < b.beats.size(); });
  bank.reset(row);
  for (std::uint64_t i = 0; i < kLongestSolve && !broken_off && !bank.view(row).ready; ++i)
    bank.cycle(row, {.target = 1, .ready = true});
  const Statistics::Inputs all{.target = 1, .beat = longest->beats.front(), .ready = true};
  std::size_t entered = 0;
  for (std::uint64_t i = 0;
       i < broken_off.value_or(std::min<std::size_t>(longest->beats.size(), 64)); ++i) {
    const std::size_t next = entered % longest->beats.size();
    Beat beat = longest->beats[next];
    beat.last = beat.last && broken_off;
    if (broken_off) check_registered(bank, row, {all, {}}, result);
    if (bank.view(row).ready) ++entered;
    bank.cycle(
        row, {.target = longest->targets[next], .beat = beat, .ready = (random.word(~i) & 3) != 0});
  }
  bank.reset(row, {}, all);

  StreamSource source(beats, stall);
  std::uint64_t cycle = 0;
  std::size_t last_beat = 0;
  for (const Script& script : scripts) {
    last_beat += script.beats.size();
    const Answer expected = golden_answer(bank.rows()[row], script);
    std::optional<Answer> got;
    const std::size_t begun = source.accepted();
    std::uint64_t lost = 0;  // cycles within the stream in which no beat entered
    const std::uint64_t end = cycle + kLongestSolve + 64 * script.beats.size();
    for (; !got && cycle < end; ++cycle) {
      const std::uint32_t dice = random.word(cycle);
      const auto offer = source.offer(dice);
      const std::uint16_t target = targets[std::min(source.accepted(), targets.size() - 1)];
      const auto [ready, answer] = bank.view(row);
      const bool takes = is_ready(stall, answer.has_value(), dice >> 8);
      bank.cycle(row, {.target = target, .beat = offer, .ready = takes});
      if (!ready && source.accepted() > begun && source.accepted() < last_beat) ++lost;
      source.clock(ready);
      if (takes) got = answer;
    }
    // The next stream enters after the answer, not before.
    const bool complete = source.accepted() == last_beat;
    result.count(complete && got == expected, bank.ticks() - 1, [&] {
      const auto text = [](const Answer& a) {
        return fmt::format("0x{:08x},2^{}", a.magnitude, a.scale_exponent);
      };
      return fmt::format("{}: {} elements, {}/65536 zeros wanted: expected={} got={}", script.name,
                         script.elements.size(), script.wanted, text(expected),
                         got ? text(*got) : "nothing");
    });
    if (stall == 0) {
      result.count(lost == 0, bank.ticks() - 1, [&] {
        return fmt::format("{}: {} beats at full rate lost {} cycles", script.name,
                           script.beats.size(), lost);
      });
    }
    if (!got) break;  // it is stuck: the streams after this one would only wait
  }
}

// Magnitudes on both sides of every change of the scale exponent: in each binade of fp32,
// subnormals too, the fraction of the format's largest finite value and those beside it; and the
// format's corners.
std::vector<std::uint32_t> amax_corners(const Format& format) {
  std::vector<std::uint32_t> corners;
  for (const std::uint32_t x : corner_inputs(format)) {
    if ((x >> 31) == 0) corners.push_back(x);
  }
  int ignored = 0;
  const double fraction = 2 * std::frexp(max_finite(format), &ignored);  // 1 up to 2
  for (int exponent = -149; exponent < 128; ++exponent) {
    const auto at =
        std::bit_cast<std::uint32_t>(static_cast<float>(std::ldexp(fraction, exponent)));
    const auto begin = std::bit_cast<std::uint32_t>(static_cast<float>(std::ldexp(1.0, exponent)));
    std::vector<std::uint32_t> near = {begin, begin + 1, at - 1, at};
    for (int bit = 0; bit < 23; ++bit) near.push_back(at + (1u << bit));
    for (const std::uint32_t x : near) {
      if (x < 0x7f800000u) corners.push_back(x);
    }
  }
  return corners;
}

bool wanted(const Statistics::Row& row, std::string_view module, const Options& options) {
  return unit_name(row.unit) == module &&
         (row.unit != Unit::amax || options.has_format(row.format));
}

Result empty_result(const Statistics::Row& row) {
  return {.module = std::string(unit_name(row.unit)),
          .format = row.unit == Unit::amax ? format_name(row.format) : ""};
}

std::vector<Result> check_random(std::size_t row, const Options& options, Waveform* wave) {
  StatisticsBank bank;
  bank.watch(wave, row);
  Result result = empty_result(bank.rows()[row]);
  const Statistics::Row& built = bank.rows()[row];
  const bool is_small = built.unit == Unit::histogram && built.max_elements < kSmallHistogram;
  // A reset in every cycle of a short stream, from the clearing of the counters to its answer (of
  // the largest histograms in one of some cycles).
  const std::uint64_t solve = solve_cycles(built);
  const std::uint64_t all_cycles = 2 * solve + 24;
  for (std::uint64_t k = 0; k < all_cycles && options.goes_on(result); k += 1 + all_cycles / 200) {
    const Seed seed = derive(derive(options.seed, 0x7e5e7 + row), k);
    run_scripts(bank, row, random_scripts(built, 1, 12, seed), 0, seed, result, k);
  }
  for (const std::uint32_t stall : {0u, 64u, 200u, kWaitsForAnOffer}) {
    const Seed seed = derive(derive(options.seed, 0x57a7 + row), stall);
    const auto scripts = random_scripts(built, is_small ? 960 : 96, 2500, seed);
    constexpr std::size_t kAfterAReset = 12;
    for (std::size_t first = 0; first < scripts.size() && options.goes_on(result);
         first += kAfterAReset) {
      run_scripts(bank, row, std::span(scripts).subspan(first, kAfterAReset), stall,
                  derive(seed, first + 1), result);
    }
  }
  // Of few elements, where a comparison on the way to the answer is close more often.
  if (is_small) {
    constexpr std::size_t kAfterAReset = 500;
    const Seed seed = derive(options.seed, 0x5407 + row);
    const auto scripts = random_scripts(built, 40 * kAfterAReset, 6, seed);
    for (std::size_t first = 0; first < scripts.size() && options.goes_on(result);
         first += kAfterAReset) {
      run_scripts(bank, row, std::span(scripts).subspan(first, kAfterAReset), 0,
                  derive(seed, first + 1), result);
    }
  }
  if (is_small && options.goes_on(result)) {
    run_scripts(bank, row, bucket_scripts(built), 0, options.seed, result);
    run_scripts(bank, row, tie_scripts(built), 0, options.seed, result);
  }
  if (built.unit == Unit::log && options.goes_on(result)) {
    run_scripts(bank, row, table_scripts(built), 0, options.seed, result);
    run_scripts(bank, row, table_value_scripts(built), 0, options.seed, result);
    run_scripts(bank, row, kept_scripts(built), 0, options.seed, result);
  }
  if (built.unit == Unit::log && options.goes_on(result))
    run_scripts(bank, row, range_scripts(built), 0, options.seed, result);
  // Every bit pattern that an exponent decides, as a stream of its own.
  if (bank.rows()[row].unit == Unit::amax && options.goes_on(result)) {
    std::vector<Script> scripts;
    const CounterRandom random{options.seed};
    for (const std::uint32_t x : amax_corners(bank.rows()[row].format)) {
      const std::array values = {std::bit_cast<float>(x)};
      scripts.push_back(
          make_script(bank.rows()[row], fmt::format("0x{:08x}", x), 0, values, {}, random));
    }
    run_scripts(bank, row, scripts, 0, options.seed, result);
  }
  result.count_assertion(bank.failed_assertion());
  return {result};
}

std::vector<Result> check_data(std::size_t row, const Options& options, const StreamData& data,
                               Waveform* wave) {
  StatisticsBank bank;
  bank.watch(wave, row);
  Result result = empty_result(bank.rows()[row]);
  const CounterRandom random{options.seed};
  std::vector<Script> scripts;
  const auto values =
      data.values.first(std::min(data.values.size(), bank.rows()[row].max_elements));
  for (const std::uint16_t target : {std::uint16_t{32768}, std::uint16_t{58982}}) {
    scripts.push_back(make_script(bank.rows()[row], data.name, target, values, {}, random));
  }
  run_scripts(bank, row, scripts, 48, derive(options.seed, row), result);
  result.count_assertion(bank.failed_assertion());
  return {result};
}

std::vector<Check> checks_of(std::string_view module, const Options& options) {
  const StatisticsBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!wanted(bank.rows()[row], module, options)) continue;
    checks.emplace_back([=](Waveform* wave) { return check_random(row, options, wave); });
  }
  return checks;
}

std::vector<Check> data_checks_of(std::string_view module, const Options& options,
                                  const StreamData& data) {
  constexpr std::size_t kMostElements = (1u << 13) - 1;  // what some units can count, and enough
  const StatisticsBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!wanted(bank.rows()[row], module, options)) continue;
    const StreamData part{.name = data.name,
                          .values = data.values.first(std::min(data.values.size(), kMostElements))};
    checks.emplace_back([=](Waveform* wave) { return check_data(row, options, part, wave); });
  }
  return checks;
}

std::vector<VectorSet> vectors_of(std::string_view module, const Options& options) {
  const StatisticsBank bank;
  std::vector<VectorSet> sets;
  for (std::size_t i = 0; i < bank.rows().size(); ++i) {
    const Statistics::Row& row = bank.rows()[i];
    if (!wanted(row, module, options)) continue;
    const bool is_amax = row.unit == Unit::amax;
    std::string parameters = fmt::format(".Lanes({})", row.lanes);
    if (is_amax) {
      parameters += ", " + format_parameters(row.format);
    } else {
      parameters += fmt::format(", .CountBits({})", std::bit_width(row.max_elements));
    }
    if (row.unit == Unit::histogram) {
      parameters +=
          fmt::format(", .MantissaBits({}), .FirstField({}), .Binades({})",
                      row.config.mantissa_bits, row.config.first_field, row.config.binades);
    }
    VectorSet set{
        .module = std::string(module),
        .name = fmt::format("{}-{}", module, i),
        .parameters = parameters,
        .inputs = {{.prefix = "",
                    .fields = {{"data_i", 32 * row.lanes}, {"mask_i", row.lanes}, {"last_i", 1}},
                    .words = {}}},
        .outputs = {{.prefix = "", .fields = {{is_amax ? "amax_o" : "alpha_o", 31}}, .words = {}}}};
    auto& in = set.inputs[0];
    auto& out = set.outputs[0];
    if (is_amax) {
      out.fields.emplace_back("scale_exponent_o", 8);
    } else {
      in.fields.insert(in.fields.begin(), {"target_i", 16});
    }
    for (const Script& script : random_scripts(row, 24, 200, derive(options.seed, i))) {
      for (std::size_t b = 0; b < script.beats.size(); ++b) {
        const Beat& beat = script.beats[b];
        HexWord word;
        if (!is_amax) word.add(script.targets[b], 16);
        in.words.push_back(
            word.add_lanes(beat, row.lanes, 32).add(beat.mask, row.lanes).add(beat.last, 1));
      }
      const Answer answer = golden_answer(row, script);
      HexWord word;
      word.add(answer.magnitude, 31);
      if (is_amax) word.add(static_cast<std::uint8_t>(answer.scale_exponent), 8);
      out.words.push_back(word);
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

void add_built(std::string_view module, Built& built) {
  const StatisticsBank bank;
  for (const Statistics::Row& row : bank.rows()) {
    if (row.unit == Unit::amax && unit_name(row.unit) == module) built.add(row.format);
  }
}

}  // namespace

extern const Family k_statistics;  // the registry declares it too
const Family k_statistics = {add_built, checks_of, data_checks_of, vectors_of};

}  // namespace gradpath::verify
