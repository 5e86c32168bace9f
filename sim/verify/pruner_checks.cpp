#include <array>
#include <bit>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "models/prune/stochastic_pruner.hpp"
#include "sim/verify/checks.hpp"
#include "sim/verify/lanes.hpp"
#include "sim/verify/vectors.hpp"

namespace gradpath::verify {
namespace {

constexpr std::size_t kBlock = 4096;

Rounding pruner_rounding(int random_bits) {
  return {.mode = Rounding::Mode::sr, .random_bits = random_bits};
}

// All rows of the bank against the golden model, for one threshold.
class Comparison {
 public:
  Comparison(PrunerBank& bank, std::uint32_t alpha, const Options& options)
      : bank_(bank), alpha_(alpha), out_(bank.rows().size() * kBlock) {
    for (const int random_bits : bank.rows()) {
      golden_.emplace_back(std::bit_cast<float>(alpha), random_bits);
      const Rounding rounding = pruner_rounding(random_bits);
      results_.push_back({.module = "pruner_lane",
                          .format = {},
                          .rounding = rounding_name(rounding),
                          .overflow = {}});
      wanted_.push_back(options.has_rounding(rounding));
    }
  }

  [[nodiscard]] const std::vector<StochasticPruner>& golden() const { return golden_; }

  void add(std::uint32_t x, std::uint32_t word) {
    x_[count_] = x;
    words_[count_] = word;
    if (++count_ == kBlock) flush();
  }

  std::vector<Result> finish() {
    flush();
    std::vector<Result> wanted;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (wanted_[i]) wanted.push_back(results_[i]);
    }
    return wanted;
  }

 private:
  void flush() {
    const std::size_t n = count_;
    bank_.prune(alpha_, std::span(x_).first(n), std::span(words_).first(n),
                std::span(out_).first(n * golden_.size()));
    for (std::size_t row = 0; row < golden_.size(); ++row) {
      if (!wanted_[row]) continue;
      for (std::size_t i = 0; i < n; ++i) {
        const auto expected = std::bit_cast<std::uint32_t>(
            golden_[row].prune(std::bit_cast<float>(x_[i]), words_[i]));
        const std::uint32_t got = out_[row * n + i];
        results_[row].count(got == expected, [&] {
          return fmt::format(
              "alpha=0x{:08x} x=0x{:08x} word=0x{:08x} expected=0x{:08x} got=0x{:08x}", alpha_,
              x_[i], words_[i], expected, got);
        });
      }
    }
    count_ = 0;
  }

  PrunerBank& bank_;
  std::uint32_t alpha_;
  std::vector<StochasticPruner> golden_;
  std::vector<Result> results_;
  std::vector<bool> wanted_;
  std::size_t count_ = 0;
  std::array<std::uint32_t, kBlock> x_ = {};
  std::array<std::uint32_t, kBlock> words_ = {};
  std::vector<std::uint32_t> out_;
};

// The smallest random number that prunes x; none if all do or none does.
std::optional<std::uint32_t> deciding_number(const StochasticPruner& golden, float x) {
  const int up = 32 - golden.random_bits();
  const auto kept = [&](std::uint32_t number) { return golden.prune(x, number << up) != 0; };
  std::uint32_t low = 0;
  std::uint32_t high = (1u << golden.random_bits()) - 1;
  if (!kept(low) || kept(high)) return std::nullopt;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    (kept(middle) ? low : high) = middle;
  }
  return high;
}

void add_with_words(Comparison& comparison, std::uint32_t x, const CounterRandom& random,
                    std::uint64_t index) {
  comparison.add(x, random.word(index));
  comparison.add(x, 0);
  comparison.add(x, 0xffffffffu);
  for (const StochasticPruner& golden : comparison.golden()) {
    if (const auto number = deciding_number(golden, std::bit_cast<float>(x))) {
      const int unused_bits = 32 - golden.random_bits();
      const std::uint32_t ones = (1u << unused_bits) - 1;
      comparison.add(x, *number << unused_bits);
      comparison.add(x, ((*number - 1) << unused_bits) | ones);
    }
  }
}

std::vector<Result> check_chosen(std::uint32_t alpha, bool with_bf16, const Options& options) {
  PrunerBank bank;
  const auto comparison = std::make_unique<Comparison>(bank, alpha, options);
  const CounterRandom random{derive(options.seed, alpha)};
  std::uint64_t index = 0;
  for (const std::uint32_t x : pruner_inputs(alpha, options.seed.value)) {
    add_with_words(*comparison, x, random, index++);
  }
  if (with_bf16) {
    for (const std::uint32_t x : bf16_inputs()) {
      add_with_words(*comparison, x, random, index++);
    }
  }
  return comparison->finish();
}

std::vector<Result> check_range(std::uint32_t alpha, std::uint32_t top, int top_bits,
                                const Options& options) {
  PrunerBank bank;
  const auto comparison = std::make_unique<Comparison>(bank, alpha, options);
  const CounterRandom random{derive(options.seed, alpha)};
  const std::uint64_t count = std::uint64_t{1} << (32 - top_bits);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto x = static_cast<std::uint32_t>(top * count + i);
    comparison->add(x, random.word(x));
  }
  return comparison->finish();
}

}  // namespace

std::vector<Check> make_pruner_lane_checks(const Options& options) {
  std::vector<Check> checks;
  bool any = false;
  const PrunerBank bank;
  for (const int random_bits : bank.rows()) {
    any = any || options.has_rounding(pruner_rounding(random_bits));
  }
  if (!any) return checks;
  if (options.exhaustive) {
    constexpr int kTopBits = 6;
    constexpr std::uint32_t kAlpha = 0x3fb504f3u;  // sqrt(2): an odd significand
    for (std::uint32_t top = 0; top < 1u << kTopBits; ++top) {
      checks.emplace_back([=] { return check_range(kAlpha, top, kTopBits, options); });
    }
    return checks;
  }
  std::size_t index = 0;
  for (const std::uint32_t alpha : pruner_thresholds(options.seed.value)) {
    const bool with_bf16 = index++ % 4 == 0;  // all inputs for some thresholds, corners for all
    checks.emplace_back([=] { return check_chosen(alpha, with_bf16, options); });
  }
  return checks;
}

}  // namespace gradpath::verify
