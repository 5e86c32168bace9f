#include <bit>
#include <memory>

#include <fmt/format.h>

#include "models/prune/stochastic_pruner.hpp"
#include "sim/verify/banks/pruner_lane/pruner_lane.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/stimulus/batch.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

Rounding pruner_rounding(int random_bits) {
  return {.mode = Rounding::Mode::sr, .random_bits = random_bits};
}

// All rows of the bank against the golden model, for one threshold.
class Comparison {
 public:
  Comparison(PrunerBank& bank, std::uint32_t alpha, const Options& options)
      : bank_(bank),
        alpha_(alpha),
        batch_([this](auto x, auto words) { compare(x, words); }),
        out_(bank.rows().size() * Batch::kBlock) {
    for (const int random_bits : bank.rows()) {
      golden_.emplace_back(std::bit_cast<float>(alpha), random_bits);
      const Rounding rounding = pruner_rounding(random_bits);
      results_.push_back({.module = "pruner_lane", .rounding = rounding_name(rounding)});
      wanted_.push_back(options.has_rounding(rounding));
    }
  }

  void add(std::uint32_t x, std::uint32_t word) { batch_.add(x, word); }

  // With a random word, the ends, and on both sides of every row's decision.
  void add_deciding(std::uint32_t x, std::uint32_t word) {
    add(x, word);
    add(x, 0);
    add(x, 0xffffffffu);
    const auto value = std::bit_cast<float>(x);
    for (const StochasticPruner& golden : golden_) {
      const bool kept = golden.prune(value, 0) != 0;
      const auto number = deciding_number(golden.random_bits(), [&](std::uint32_t w) {
        return (golden.prune(value, w) != 0) != kept;
      });
      if (!number) continue;
      const auto [at, below] = deciding_words(*number, golden.random_bits());
      add(x, at);
      add(x, below);
    }
  }

  std::vector<Result> finish() {
    batch_.flush();
    std::vector<Result> wanted;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (wanted_[i]) wanted.push_back(results_[i]);
    }
    return wanted;
  }

 private:
  void compare(std::span<const std::uint32_t> x, std::span<const std::uint32_t> words) {
    const std::size_t n = x.size();
    bank_.prune(alpha_, x, words, std::span(out_).first(n * golden_.size()));
    for (std::size_t row = 0; row < golden_.size(); ++row) {
      if (!wanted_[row]) continue;
      for (std::size_t i = 0; i < n; ++i) {
        const auto expected =
            std::bit_cast<std::uint32_t>(golden_[row].prune(std::bit_cast<float>(x[i]), words[i]));
        const std::uint32_t got = out_[row * n + i];
        results_[row].count(got == expected, bank_.tick_of(i), [&] {
          return fmt::format(
              "alpha=0x{:08x} x=0x{:08x} word=0x{:08x} expected=0x{:08x} got=0x{:08x}", alpha_,
              x[i], words[i], expected, got);
        });
      }
    }
  }

  PrunerBank& bank_;
  std::uint32_t alpha_;
  Batch batch_;
  std::vector<StochasticPruner> golden_;
  std::vector<Result> results_;
  std::vector<bool> wanted_;
  std::vector<std::uint32_t> out_;
};

std::vector<Result> check_chosen(std::uint32_t alpha, bool with_bf16, const Options& options,
                                 Waveform* wave) {
  PrunerBank bank;
  bank.watch(wave);
  const auto comparison = std::make_unique<Comparison>(bank, alpha, options);
  const CounterRandom random{derive(options.seed, alpha)};
  std::uint64_t index = 0;
  for (const std::uint32_t x : pruner_inputs(alpha, options.seed.value)) {
    comparison->add_deciding(x, random.word(index++));
  }
  if (with_bf16) {
    for (const std::uint32_t x : bf16_inputs()) {
      comparison->add_deciding(x, random.word(index++));
    }
  }
  return comparison->finish();
}

std::vector<Result> check_range(std::uint32_t alpha, std::uint32_t top, int top_bits,
                                const Options& options, Waveform* wave) {
  PrunerBank bank;
  bank.watch(wave);
  const auto comparison = std::make_unique<Comparison>(bank, alpha, options);
  const CounterRandom random{derive(options.seed, alpha)};
  const std::uint64_t count = std::uint64_t{1} << (32 - top_bits);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto x = static_cast<std::uint32_t>(top * count + i);
    comparison->add(x, random.word(x));
    comparison->add(x, 0);
    comparison->add(x, 0xffffffffu);
  }
  return comparison->finish();
}

std::vector<Check> checks_of(std::string_view, const Options& options) {
  std::vector<Check> checks;
  bool any = false;
  const PrunerBank bank;
  for (const int random_bits : bank.rows()) {
    any = any || options.has_rounding(pruner_rounding(random_bits));
  }
  if (!any) return checks;
  if (options.exhaustive) {
    constexpr int kTopBits = 6;
    // None; a subnormal; the smallest normal, whose distances are all 0; sqrt(2), an odd
    // significand; the ends of a binade; the largest finite.
    for (const std::uint32_t alpha :
         {0u, 0x00400001u, 0x00800000u, 0x3fb504f3u, 0x0d000000u, 0x0d7fffffu, 0x7f7fffffu}) {
      for (std::uint32_t top = 0; top < 1u << kTopBits; ++top) {
        checks.emplace_back(
            [=](Waveform* wave) { return check_range(alpha, top, kTopBits, options, wave); });
      }
    }
    return checks;
  }
  std::size_t index = 0;
  for (const std::uint32_t alpha : pruner_thresholds(options.seed.value)) {
    const bool with_bf16 = index++ % 4 == 0;  // all inputs for some thresholds, corners for all
    checks.emplace_back(
        [=](Waveform* wave) { return check_chosen(alpha, with_bf16, options, wave); });
  }
  return checks;
}

void add_built(std::string_view, Built& built) {
  const PrunerBank bank;
  for (const int bits : bank.rows()) built.add(pruner_rounding(bits));
}

}  // namespace

extern const Family k_pruner_lane;  // the registry declares it too
const Family k_pruner_lane = {add_built, checks_of};

}  // namespace gradpath::verify
