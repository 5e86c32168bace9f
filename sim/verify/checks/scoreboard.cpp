#include "sim/verify/checks/scoreboard.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace gradpath::verify {

void compare_beats(const std::string& what, const std::vector<Beat>& expected,
                   const StreamSink& sink, std::size_t lanes, Result& result) {
  const std::vector<Beat>& got = sink.beats();
  const auto text = [&](const std::vector<Beat>& beats, std::size_t i) {
    if (i >= beats.size()) return std::string("nothing");
    std::string codes;
    for (std::size_t lane = lanes; lane-- > 0;) codes += fmt::format("{:02x}", beats[i].data[lane]);
    return fmt::format("0x{},mask=0x{:02x}{}", codes, beats[i].mask, beats[i].last ? ",last" : "");
  };
  for (std::size_t i = 0; i < std::max(expected.size(), got.size()); ++i) {
    const bool equal = i < expected.size() && i < got.size() && expected[i] == got[i];
    // What never came is missed at the last that did.
    const auto& ticks = sink.ticks();
    const std::uint64_t tick = ticks.empty() ? 0 : ticks[std::min(i, ticks.size() - 1)];
    result.count(equal, tick, [&] {
      return fmt::format("{}: beat {}: expected={} got={}", what, i, text(expected, i),
                         text(got, i));
    });
  }
}

namespace {

void compare(const Stages::Row& row, const StreamScript& script, std::size_t beat, const Beat& got,
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
void fill_up(StageBank& bank, std::size_t row, std::span<const std::uint32_t> seeds) {
  constexpr int kMoreThanFit = 5;
  bank.reset(row, seeds);
  const Beat beat{.data = {0x3f800000u}, .mask = 1, .last = true};
  for (int i = 0; i < kMoreThanFit; ++i) bank.cycle(row, {.beat = beat});
}

}  // namespace

void run_script(StageBank& bank, std::size_t row, const StreamScript& script, Stalls stalls,
                Seed seed, Result& result) {
  const Stages::Row& parameters = bank.rows()[row];
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
    const auto [ready, output] = bank.view(row);
    const bool taking = is_ready(stalls.output, output.has_value(), dice >> 8);
    // They are taken with a beat: without one they say something else.
    bank.cycle(row, {.beat = offer,
                     .ready = taking,
                     .alpha = offer ? script.alpha : dice,
                     .scale_exponent =
                         offer ? script.scale_exponent : static_cast<std::int8_t>(dice >> 16)});
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
  } else if (bank.view(row).output) {
    fail(fmt::format("{}: a beat after the last", script.name));
  }
  const bool full_rate = stalls.input == 0 && stalls.output == 0;
  if (full_rate && taken == beats && cycles != beats + kLatencyCycles) {
    fail(fmt::format("{}: {} beats at full rate took {} cycles, expected {}", script.name, beats,
                     cycles, beats + kLatencyCycles));
  }
}

}  // namespace gradpath::verify
