#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/format/formats.hpp"
#include "sim/verify/banks/compaction/compaction.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/checks/scoreboard.hpp"
#include "sim/verify/stimulus/compaction_script.hpp"

namespace gradpath::verify {
namespace {

constexpr std::size_t kRuns = 300;

struct Stalls3 {
  std::uint32_t input = 0;
  std::uint32_t bitmap = 0;
  std::uint32_t codes = 0;
};
constexpr std::array kStalls = {Stalls3{0, 0, 0},
                                Stalls3{128, 0, 0},
                                Stalls3{0, 128, 0},
                                Stalls3{0, 0, 128},
                                Stalls3{96, 96, 96},
                                Stalls3{32, 224, 32},
                                Stalls3{32, 32, 224},
                                Stalls3{224, 32, 32},
                                Stalls3{kWaitsForAnOffer, kWaitsForAnOffer, kWaitsForAnOffer},
                                Stalls3{64, kWaitsForAnOffer, 64}};

// Runs of 1 to 12 beats with all densities, some beats with holes or empty, both zeros among them.
CompactionScript random_script(const CompactionRow& row, std::size_t runs, Seed seed) {
  const CounterRandom random{seed};
  CompactionScript script;
  std::uint64_t draw = 0;
  for (std::size_t r = 0; r < runs; ++r) {
    const std::uint32_t dice = random.word(draw++);
    const std::uint32_t density =
        std::array<std::uint32_t, 8>{0, 16, 64, 128, 192, 240, 255, 256}[dice >> 8 & 7];
    std::vector<Beat> run(1 + dice % 12);
    for (Beat& beat : run) {
      const std::uint32_t kind = random.word(draw++);
      beat.mask = (1u << row.lanes) - 1;
      if (kind % 4 == 0) beat.mask &= kind >> 8;
      for (std::size_t i = 0; i < row.lanes; ++i) {
        const std::uint32_t word = random.word(draw++);
        const std::uint32_t code = word % static_cast<std::uint32_t>(row.format.code_count());
        const std::uint32_t zero = word >> 30 & 1 ? row.format.sign_mask() : 0;
        beat.data[i] = (word >> 16 & 0xff) < density ? code : zero;
      }
    }
    run.back().last = true;
    append_run(row.format, row.lanes, run, script);
  }
  return script;
}

template <class Done, class Cycle>
std::uint64_t run_until(Done done, std::uint64_t patience, Cycle cycle) {
  std::uint64_t cycles = 0;
  for (; !done() && cycles < patience; ++cycles) cycle(cycles);
  for (std::uint64_t i = 0; i < 4; ++i) cycle(cycles + i);  // a beat too many would show now
  return cycles;
}

// How a script is run: after a reset that breaks another run of it off after `broken_off` cycles,
// of which nothing may be seen. hold: at full rate the input (of a decompactor: the output), the
// bitmaps and the codes stand still once each in turn, as i says of port i % 3.
struct Running {
  Stalls3 stalls = {};
  std::uint64_t broken_off = 5;
  std::optional<std::uint64_t> hold = {};

  static constexpr std::uint64_t kHolds = 3 * 4 * 16;
  [[nodiscard]] std::uint64_t held_cycles() const { return hold ? 1 + *hold / 3 % 4 : 0; }
  [[nodiscard]] bool holds(std::uint64_t port, std::uint64_t cycle) const {
    if (!hold || *hold % 3 != port) return false;
    const std::uint64_t first = *hold / 12;
    return cycle >= first && cycle < first + held_cycles();
  }
};

void check_packing(CompactorBank& bank, std::size_t row, const CompactionScript& script,
                   const Running& running, Seed seed, Result& result) {
  const CounterRandom random{seed};
  std::optional<StreamSource> input;
  std::optional<StreamSink> bitmap;
  std::optional<StreamSink> codes;
  const auto begin = [&](const Stalls3& stalls) {
    input.emplace(script.input, stalls.input);
    bitmap.emplace(stalls.bitmap);
    codes.emplace(stalls.codes);
  };
  const auto clock = [&](std::uint64_t cycle, const Running& held) {
    const std::uint32_t dice = random.word(cycle);
    const auto offer = held.holds(0, cycle) ? std::nullopt : input->offer(dice);
    const auto view = bank.view(row);
    const auto bits = held.holds(1, cycle) ? std::nullopt : view.bitmap;
    const auto packed = held.holds(2, cycle) ? std::nullopt : view.codes;
    const bool takes_bitmap = !held.holds(1, cycle) && bitmap->ready(bits, dice >> 8);
    const bool takes_codes = !held.holds(2, cycle) && codes->ready(packed, dice >> 16);
    bank.cycle(row, {.beat = offer, .bitmap_ready = takes_bitmap, .codes_ready = takes_codes});
    if (offer) input->clock(view.ready);
    bitmap->clock(bits, bank.ticks() - 1);
    codes->clock(packed, bank.ticks() - 1);
  };
  const Compactor::Inputs all{
      .beat = script.input.front(), .bitmap_ready = true, .codes_ready = true};
  bank.reset(row);
  begin(kStalls[running.broken_off % kStalls.size()]);
  for (std::uint64_t cycle = 0; cycle < running.broken_off; ++cycle) {
    check_registered(bank, row, {all, {}}, result);
    clock(~cycle, {});
  }
  bank.reset(row, {}, all);
  const auto fresh = bank.view(row);
  result.count(fresh.ready && !fresh.bitmap && !fresh.codes, bank.ticks(),
               [] { return std::string("after reset it offers a beat, or takes none"); });
  begin(running.stalls);
  const auto done = [&] {
    return bitmap->beats().size() >= script.bitmap.size() &&
           codes->beats().size() >= script.codes.size();
  };
  const std::uint64_t cycles = run_until(done, 1000 + 64 * script.input.size(),
                                         [&](std::uint64_t cycle) { clock(cycle, running); });
  const std::size_t lanes = bank.rows()[row].lanes;
  compare_beats("bitmap", script.bitmap, *bitmap, lanes, result);
  compare_beats("codes", script.codes, *codes, lanes, result);
  // At full rate: a beat a cycle, 2 to the last bitmap, 1 more to the run's last codes; a hold
  // costs its cycles at most.
  const auto& stalls = running.stalls;
  const std::uint64_t least = script.input.size() + 3;
  const bool in_time = cycles >= least && cycles <= least + running.held_cycles();
  if (stalls.input + stalls.bitmap + stalls.codes == 0 && !in_time) {
    result.count(false, bank.ticks(), [&] {
      return fmt::format("{} beats at full rate took {} cycles, expected {} to {}",
                         script.input.size(), cycles, least, least + running.held_cycles());
    });
  }
}

// Bits outside the masks, which a decompactor ignores, at random.
std::vector<Beat> with_loose_bits(std::vector<Beat> bitmap, const CounterRandom& random) {
  for (std::size_t i = 0; i < bitmap.size(); ++i) {
    const std::uint32_t loose = random.word((std::uint64_t{1} << 40) + i) & ~bitmap[i].mask;
    for (std::size_t lane = 0; lane < Beat::kMaxLanes; ++lane) {
      if ((loose >> lane & 1) != 0) bitmap[i].data[lane] = 1;
    }
  }
  return bitmap;
}

// whole: each run has just the codes that its bits say.
void check_unpacking(DecompactorBank& bank, std::size_t row, const CompactionScript& script,
                     bool whole, const Running& running, Seed seed, Result& result) {
  const CounterRandom random{seed};
  const std::vector<Beat> bits_in = with_loose_bits(script.bitmap, random);
  std::optional<StreamSource> bitmap;
  std::optional<StreamSource> codes;
  std::optional<StreamSink> output;
  const auto begin = [&](const Stalls3& stalls) {
    bitmap.emplace(bits_in, stalls.bitmap);
    codes.emplace(script.codes, stalls.codes);
    output.emplace(stalls.input);
  };
  const auto clock = [&](std::uint64_t cycle, const Running& held) {
    const std::uint32_t dice = random.word(cycle);
    const auto bits = held.holds(1, cycle) ? std::nullopt : bitmap->offer(dice);
    const auto packed = held.holds(2, cycle) ? std::nullopt : codes->offer(dice >> 8);
    const auto view = bank.view(row);
    const auto beat = held.holds(0, cycle) ? std::nullopt : view.output;
    const bool takes = !held.holds(0, cycle) && output->ready(beat, dice >> 16);
    bank.cycle(row, {.bitmap = bits, .codes = packed, .ready = takes});
    if (bits) bitmap->clock(view.bitmap_ready);
    if (packed) codes->clock(view.codes_ready);
    output->clock(beat, bank.ticks() - 1);
  };
  const Decompactor::Inputs all{
      .bitmap = bits_in.front(), .codes = script.codes.front(), .ready = true};
  bank.reset(row);
  begin(kStalls[running.broken_off % kStalls.size()]);
  for (std::uint64_t cycle = 0; cycle < running.broken_off; ++cycle) {
    check_registered(bank, row, {all, {}}, result);
    clock(~cycle, {});
  }
  bank.reset(row, {}, all);
  const auto fresh = bank.view(row);
  result.count(fresh.bitmap_ready && fresh.codes_ready && !fresh.output, bank.ticks(),
               [] { return std::string("after reset it offers a beat, or takes none"); });
  begin(running.stalls);
  const auto done = [&] { return output->beats().size() >= script.unpacked.size(); };
  const std::uint64_t cycles = run_until(done, 1000 + 64 * script.input.size(),
                                         [&](std::uint64_t cycle) { clock(cycle, running); });
  compare_beats("unpacked", script.unpacked, *output, bank.rows()[row].lanes, result);
  result.count(codes->accepted() == script.codes.size(), bank.ticks(), [&] {
    return fmt::format("{} of {} beats of codes taken", codes->accepted(), script.codes.size());
  });
  // At full rate: a beat a cycle, 2 to the last; a hold costs its cycles at most.
  const auto& stalls = running.stalls;
  const std::uint64_t least = script.bitmap.size() + 2;
  const bool in_time = cycles >= least && cycles <= least + running.held_cycles();
  if (whole && stalls.input + stalls.bitmap + stalls.codes == 0 && !in_time) {
    result.count(false, bank.ticks(), [&] {
      return fmt::format("{} beats at full rate took {} cycles, expected {} to {}",
                         script.bitmap.size(), cycles, least, least + running.held_cycles());
    });
  }
}

// Runs whose codes are too few or too many, with empty beats among them: what is missing is 0, what
// is left over is dropped.
CompactionScript faulty_script(const CompactionRow& row, std::size_t runs, Seed seed) {
  const CounterRandom random{seed};
  CompactionScript script = random_script(row, runs, seed);
  std::vector<std::vector<Code>> codes(1);
  for (const Beat& beat : script.codes) {
    for (std::size_t i = 0; i < row.lanes; ++i) {
      if (beat.mask >> i & 1) codes.back().push_back(beat.data[i]);
    }
    if (beat.last) codes.emplace_back();
  }
  script.codes.clear();
  std::size_t run = 0;
  std::size_t next = 0;
  bool begins = true;
  for (std::size_t i = 0; i < script.bitmap.size(); ++i) {
    if (begins) {
      const std::uint32_t dice = random.word(~std::uint64_t{run});
      const auto count = static_cast<std::int64_t>(codes[run].size());
      const std::int64_t wanted = std::max<std::int64_t>(0, count + dice % 41 - 20);
      codes[run].resize(static_cast<std::size_t>(wanted), 1 + dice % 3);
      const std::size_t begin = script.codes.size();
      append_code_beats(codes[run], row.lanes, script.codes);
      if (dice >> 8 & 1) {  // a beat without a code, and without an end
        const auto place = begin + (dice >> 9) % (script.codes.size() - begin);
        script.codes.insert(script.codes.begin() + static_cast<std::ptrdiff_t>(place), Beat{});
      }
      next = 0;
    }
    for (std::size_t lane = 0; lane < row.lanes; ++lane) {
      if (script.bitmap[i].data[lane] == 0) continue;
      script.unpacked[i].data[lane] = next < codes[run].size() ? codes[run][next] : 0;
      ++next;
    }
    begins = script.bitmap[i].last;
    run += begins ? 1 : 0;
  }
  return script;
}

// Both modules of a row see streams of the same seeds. run(bank, script, how, seed, result)
template <class Bank, class Run>
std::vector<Result> check_row(std::string_view module, std::size_t row, const Options& options,
                              Waveform* wave, Run run) {
  constexpr std::uint64_t kResets = 100;
  constexpr std::size_t kFewRuns = 4;
  Bank bank;
  bank.watch(wave, row);
  const CompactionRow& parameters = bank.rows()[row];
  Result result{.module = std::string(module), .format = format_name(parameters.format)};
  std::uint64_t purpose = row * 64;
  for (const Stalls3& stalls : kStalls) {
    const Seed seed = derive(options.seed, ++purpose);
    if (!options.goes_on(result)) break;
    // The first breaks nothing off: registers hold what they were made with.
    const std::uint64_t broken_off = 2 * (purpose - row * 64 - 1);
    run(bank, random_script(parameters, kRuns, seed), {.stalls = stalls, .broken_off = broken_off},
        seed, result);
  }
  // A reset in every cycle of a run, under all stalls; and every port standing still once at any
  // place of a run.
  for (std::uint64_t i = 0; i < kResets + Running::kHolds && options.goes_on(result); ++i) {
    const Seed seed = derive(derive(options.seed, 0x7e5e7 + row), i);
    const Running how = i < kResets
                            ? Running{.stalls = kStalls[i / 10 % kStalls.size()], .broken_off = i}
                            : Running{.hold = i - kResets};
    run(bank, random_script(parameters, kFewRuns, seed), how, seed, result);
  }
  result.count_assertion(bank.failed_assertion());
  return {result};
}

std::vector<Result> check_compactor(std::size_t row, const Options& options, Waveform* wave) {
  return check_row<CompactorBank>(
      "compactor", row, options, wave,
      [row](CompactorBank& bank, const CompactionScript& script, const Running& how, Seed seed,
            Result& result) { check_packing(bank, row, script, how, derive(seed, 1), result); });
}

std::vector<Result> check_decompactor(std::size_t row, const Options& options, Waveform* wave) {
  return check_row<DecompactorBank>(
      "decompactor", row, options, wave,
      [row](DecompactorBank& bank, const CompactionScript& script, const Running& how, Seed seed,
            Result& result) {
        check_unpacking(bank, row, script, true, how, derive(seed, 2), result);
        if (how.hold) return;
        const auto runs = static_cast<std::size_t>(std::count_if(
            script.input.begin(), script.input.end(), [](const Beat& beat) { return beat.last; }));
        check_unpacking(bank, row, faulty_script(bank.rows()[row], runs, derive(seed, 3)), false,
                        how, derive(seed, 4), result);
      });
}

std::vector<Check> checks_of(std::string_view module, const Options& options) {
  const auto check = module == "compactor" ? check_compactor : check_decompactor;
  const CompactorBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!options.has_format(bank.rows()[row].format)) continue;
    checks.emplace_back([=](Waveform* wave) { return check(row, options, wave); });
  }
  return checks;
}

std::vector<VectorSet> vectors_of(std::string_view module, const Options& options) {
  constexpr std::size_t kVectorRuns = 40;
  const CompactorBank bank;
  std::vector<VectorSet> sets;
  for (std::size_t i = 0; i < bank.rows().size(); ++i) {
    const CompactionRow& row = bank.rows()[i];
    if (!options.has_format(row.format)) continue;
    const CompactionScript script = random_script(row, kVectorRuns, derive(options.seed, i));
    const auto bits = static_cast<std::size_t>(row.format.bits());
    const auto stream = [&](const std::string& prefix, const std::string& data, std::size_t width,
                            char side, const std::vector<Beat>& beats) {
      VectorSet::Stream made{.prefix = prefix,
                             .fields = {{fmt::format("{}_{}", data, side), width * row.lanes},
                                        {fmt::format("{}mask_{}", prefix, side), row.lanes},
                                        {fmt::format("{}last_{}", prefix, side), 1}},
                             .words = {}};
      for (const Beat& beat : beats) {
        made.words.push_back(HexWord()
                                 .add_lanes(beat, row.lanes, width)
                                 .add(beat.mask, row.lanes)
                                 .add(beat.last, 1));
      }
      return made;
    };
    const bool packs = module == "compactor";
    VectorSet set{.module = std::string(module),
                  .name = fmt::format("{}-{}", module, i),
                  .parameters = fmt::format(".Lanes({}), .CodeBits({})", row.lanes, bits),
                  .inputs = {},
                  .outputs = {}};
    const char side = packs ? 'o' : 'i';
    std::vector<VectorSet::Stream> packed = {stream("bitmap_", "bitmap", 1, side, script.bitmap),
                                             stream("codes_", "codes", bits, side, script.codes)};
    if (packs) {
      set.parameters +=
          fmt::format(", .NegativeZero(1'b{})", row.format.has_negative_zero() ? 1 : 0);
      set.inputs = {stream("", "data", bits, 'i', script.input)};
      set.outputs = std::move(packed);
    } else {
      set.inputs = std::move(packed);
      set.outputs = {stream("", "data", bits, 'o', script.unpacked)};
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

void add_built(std::string_view, Built& built) {
  const CompactorBank bank;
  for (const CompactionRow& row : bank.rows()) built.add(row.format);
}

}  // namespace

extern const Family k_compaction;  // the registry declares it too
const Family k_compaction = {add_built, checks_of, nullptr, vectors_of};

}  // namespace gradpath::verify
