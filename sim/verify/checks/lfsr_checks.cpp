#include <array>

#include <fmt/format.h>

#include "models/round/random.hpp"
#include "sim/verify/banks/lfsr/lfsr.hpp"
#include "sim/verify/checks/checks.hpp"

namespace gradpath::verify {
namespace {

std::vector<Check> checks_of(std::string_view, const Options& options) {
  constexpr std::uint64_t kSteps = 4096;
  constexpr std::uint32_t kSeeds = 3 + 32 + 8;  // the ends, single bits, random ones
  return {[seed = options.seed](Waveform* wave) {
    LfsrBank bank;
    bank.watch(wave, 0);
    Result result{.module = "lfsr"};
    const CounterRandom random{seed};
    for (std::uint32_t i = 0; i < kSeeds; ++i) {
      std::uint32_t start = random.word(i);
      if (i < 35) start = 1u << (i - 3) % 32;
      if (i < 3) start = std::array{0u, 1u, 0xffffffffu}[i];
      bank.reset(0, start);
      Lfsr golden(start);
      for (std::uint64_t step = 0; step < kSteps; ++step) {
        const std::uint32_t got = bank.view(0).word;
        result.count(got == golden.word(), bank.ticks(), [&] {
          return fmt::format("seed=0x{:08x} after {} cycles: expected=0x{:08x} got=0x{:08x}", start,
                             step, golden.word(), got);
        });
        const bool moves = random.word(i * kSteps + step) % 4 != 0;
        bank.cycle(0, {.step = moves});
        if (moves) golden.step();
      }
    }
    result.count_assertion(bank.failed_assertion());
    return std::vector<Result>{result};
  }};
}

void add_built(std::string_view, Built&) {}

}  // namespace

extern const Family k_lfsr;  // the registry declares it too
const Family k_lfsr = {add_built, checks_of};

}  // namespace gradpath::verify
