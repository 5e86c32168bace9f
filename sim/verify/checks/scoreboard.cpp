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

// A run of the script that a reset breaks off, in which beats are at the pins too.
void break_off(StageBank& bank, std::size_t row, const StreamScript& script, std::uint64_t cycles,
               Seed seed, Result& result) {
  const CounterRandom random{derive(seed, 0xb0)};
  bank.reset(row, script.seeds);
  StreamSource source(script.inputs, 64);
  const Stages::Inputs all{.beat = script.inputs.front(), .ready = true, .alpha = 0x3f800000u};
  for (std::uint64_t cycle = 0; cycle < cycles; ++cycle) {
    const std::uint32_t dice = random.word(cycle);
    check_registered(bank, row, {all, {}}, result);
    const bool ready = bank.view(row).ready;
    bank.cycle(row, {.beat = source.offer(dice),
                     .ready = (dice >> 8 & 0xff) >= 160,
                     .alpha = dice,
                     .scale_exponent = static_cast<std::int8_t>(dice >> 16)});
    source.clock(ready);
  }
  bank.reset(row, script.seeds, all);
}

}  // namespace

void run_script(StageBank& bank, std::size_t row, const StreamScript& script,
                const Running& running, Seed seed, Result& result) {
  const Stages::Row& parameters = bank.rows()[row];
  const CounterRandom random{seed};
  const std::size_t beats = script.inputs.size();
  const std::uint64_t patience = 1000 + 64 * static_cast<std::uint64_t>(beats);
  const auto& [stalls, hold, broken_off] = running;
  break_off(bank, row, script, broken_off, seed, result);

  std::size_t taken = 0;
  StreamSource source(script.inputs, stalls.input);
  std::uint64_t cycles = 0;
  for (; taken < beats && cycles < patience && !bank.failed_assertion(); ++cycles) {
    const std::uint32_t dice = random.word(cycles);
    const bool holds = hold.holds(cycles);
    const auto offer = holds && hold.input ? std::nullopt : source.offer(dice);
    const auto [ready, output] = bank.view(row);
    const bool taking =
        !(holds && !hold.input) && is_ready(stalls.output, output.has_value(), dice >> 8);
    // They are taken with a beat: without one they say something else.
    const StageSetting setting =
        offer ? script.settings[source.accepted()]
              : StageSetting{.alpha = dice, .scale_exponent = static_cast<std::int8_t>(dice >> 16)};
    bank.cycle(row, {.beat = offer,
                     .ready = taking,
                     .alpha = setting.alpha,
                     .scale_exponent = setting.scale_exponent});
    if (offer) source.clock(ready);
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
  // A hold of either end costs its cycles, but for those in which there is nothing to hold.
  const std::uint64_t nothing = hold.input ? 0 : kLatencyCycles;
  const std::uint64_t begin = std::max(hold.first, nothing);
  const std::uint64_t lost = std::max(hold.first + hold.cycles, begin) - begin;
  const std::uint64_t expected = beats + kLatencyCycles + lost;
  const bool full_rate = stalls.input == 0 && stalls.output == 0;
  if (full_rate && taken == beats && cycles != expected) {
    fail(fmt::format("{}: {} beats at full rate took {} cycles, expected {}", script.name, beats,
                     cycles, expected));
  }
}

}  // namespace gradpath::verify
