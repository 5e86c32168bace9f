#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/verify/checks.hpp"
#include "sim/verify/lanes.hpp"
#include "sim/verify/vectors.hpp"

namespace gradpath::verify {
namespace {

constexpr std::array kOverflows = {Overflow::standard, Overflow::saturate};
constexpr std::size_t kBlock = 4096;

// One row of the bank against the golden model, both ways of overflow at once. in_bulk: against its
// fast path for whole arrays, else element by element.
class Comparison {
 public:
  Comparison(QuantizerBank& bank, std::size_t row, bool in_bulk, const Options& options)
      : bank_(bank), row_(row), in_bulk_(in_bulk), parameters_(bank.rows()[row]) {
    for (const Overflow overflow : kOverflows) {
      golden_.emplace_back(parameters_.format,
                           CastOptions{parameters_.rounding, overflow, NanPolicy::zero});
      results_.push_back({.module = "quantizer_lane",
                          .format = format_name(parameters_.format),
                          .rounding = rounding_name(parameters_.rounding),
                          .overflow = std::string(overflow_name(overflow))});
      wanted_.push_back(options.has_overflow(overflow));
    }
  }

  [[nodiscard]] const Quantizer& golden() const { return golden_.front(); }

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
    bank_.cast(row_, std::span(x_).first(n), std::span(words_).first(n),
               std::span(codes_[0]).first(n), std::span(codes_[1]).first(n));
    for (std::size_t k = 0; k < kOverflows.size(); ++k) {
      if (!wanted_[k]) continue;
      golden_codes(golden_[k]);
      if (std::equal(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(n),
                     codes_[k].begin())) {
        results_[k].vectors += n;
        continue;
      }
      for (std::size_t i = 0; i < n; ++i) {
        results_[k].count(codes_[k][i] == expected_[i], [&] {
          return fmt::format("x=0x{:08x} word=0x{:08x} expected=0x{:02x} got=0x{:02x}", x_[i],
                             words_[i], expected_[i], codes_[k][i]);
        });
      }
    }
    count_ = 0;
  }

  void golden_codes(const Quantizer& golden) {
    const auto words = std::span(words_).first(count_);
    const auto out = std::span(expected_).first(count_);
    std::transform(x_.begin(), x_.begin() + static_cast<std::ptrdiff_t>(count_), values_.begin(),
                   [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
    const auto values = std::span<const float>(values_).first(count_);
    if (in_bulk_) {
      golden.to_codes_with_words<std::uint8_t>(values, words, out);
      return;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      out[i] = static_cast<std::uint8_t>(golden.code(values[i], words[i]));
    }
  }

  QuantizerBank& bank_;
  std::size_t row_;
  bool in_bulk_;
  QuantizerRow parameters_;
  std::vector<Quantizer> golden_;
  std::vector<Result> results_;
  std::vector<bool> wanted_;
  std::size_t count_ = 0;
  std::array<std::uint32_t, kBlock> x_ = {};
  std::array<std::uint32_t, kBlock> words_ = {};
  std::array<float, kBlock> values_ = {};
  std::array<std::uint8_t, kBlock> expected_ = {};
  std::array<std::array<std::uint8_t, kBlock>, 2> codes_ = {};
};

// The smallest of the 2^R random numbers that rounds x away from zero; none if no number does.
std::optional<std::uint32_t> deciding_number(const Quantizer& golden, float x, int random_bits) {
  const int up = 32 - random_bits;
  const auto code = [&](std::uint32_t number) { return golden.code(x, number << up); };
  const Code down = code(0);
  std::uint32_t low = 0;
  std::uint32_t high = (1u << random_bits) - 1;
  if (code(high) == down) return std::nullopt;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    (code(middle) == down ? low : high) = middle;
  }
  return high;
}

void add_with_words(Comparison& comparison, const Rounding& rounding, std::uint32_t x,
                    const CounterRandom& random, std::uint64_t index) {
  comparison.add(x, random.word(2 * index));  // also for a lane that must ignore it
  if (!rounding.is_stochastic()) return;
  const int unused_bits = 32 - rounding.random_bits;
  const std::uint32_t ones = (1u << unused_bits) - 1;
  comparison.add(x, random.word(2 * index + 1));
  comparison.add(x, ones);  // the number 0, and bits that must not matter
  comparison.add(x, 0xffffffffu);
  if (const auto number =
          deciding_number(comparison.golden(), std::bit_cast<float>(x), rounding.random_bits)) {
    comparison.add(x, *number << unused_bits);
    comparison.add(x, ((*number - 1) << unused_bits) | ones);
  }
}

std::vector<Result> check_chosen(std::size_t row, const Options& options) {
  QuantizerBank bank(QuantizerBank::Shape::every_row);
  const auto comparison = std::make_unique<Comparison>(bank, row, false, options);
  const QuantizerRow& parameters = bank.rows()[row];
  const CounterRandom random{derive(options.seed, row)};
  std::uint64_t index = 0;
  for (const auto& inputs : {bf16_inputs(), corner_inputs(parameters.format)}) {
    for (const std::uint32_t x : inputs) {
      add_with_words(*comparison, parameters.rounding, x, random, index++);
    }
  }
  return comparison->finish();
}

// All inputs with these top bits, with one random word each.
std::vector<Result> check_range(QuantizerBank::Shape shape, std::size_t row, std::uint32_t top,
                                int top_bits, const Options& options) {
  QuantizerBank bank(shape);
  const auto comparison = std::make_unique<Comparison>(bank, row, true, options);
  const CounterRandom random{derive(options.seed, row)};
  const std::uint64_t count = std::uint64_t{1} << (32 - top_bits);
  const bool draws = bank.rows()[row].rounding.is_stochastic();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto x = static_cast<std::uint32_t>(top * count + i);
    comparison->add(x, draws ? random.word(x) : 0);
  }
  return comparison->finish();
}

}  // namespace

std::vector<Check> make_quantizer_lane_checks(const Options& options) {
  constexpr int kTopBits = 6;
  const QuantizerBank bank(QuantizerBank::Shape::every_row);
  const QuantizerBank wide(QuantizerBank::Shape::wide);
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    const auto& [format, rounding] = bank.rows()[row];
    if (!options.has_format(format) || !options.has_rounding(rounding)) continue;
    if (!options.exhaustive) {
      checks.emplace_back([=] { return check_chosen(row, options); });
      continue;
    }
    const auto shape =
        row < wide.rows().size() ? QuantizerBank::Shape::wide : QuantizerBank::Shape::every_row;
    for (std::uint32_t top = 0; top < 1u << kTopBits; ++top) {
      checks.emplace_back([=] { return check_range(shape, row, top, kTopBits, options); });
    }
  }
  return checks;
}

}  // namespace gradpath::verify
