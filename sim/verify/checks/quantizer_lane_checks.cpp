#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/verify/banks/quantizer_lane/quantizer_lane.hpp"
#include "sim/verify/checks/checks.hpp"
#include "sim/verify/stimulus/batch.hpp"
#include "sim/verify/stimulus/vectors.hpp"

namespace gradpath::verify {
namespace {

constexpr std::array kOverflows = {Overflow::standard, Overflow::saturate};

// One row of the bank against the golden model, both ways of overflow at once. in_bulk: against its
// fast path for whole arrays, else against the definition, element by element, the scaled value
// exact in double.
class Comparison {
 public:
  Comparison(QuantizerBank& bank, std::size_t row, int scale_exponent, bool in_bulk,
             const Options& options)
      : bank_(bank),
        row_(row),
        scale_exponent_(scale_exponent),
        in_bulk_(in_bulk),
        parameters_(bank.rows()[row]),
        batch_([this](auto x, auto words) { compare(x, words); }) {
    for (const Overflow overflow : kOverflows) {
      golden_.emplace_back(parameters_.format,
                           CastOptions{parameters_.rounding, overflow, NanPolicy::zero});
      results_.push_back({.module = "quantizer_lane",
                          .format = format_name(parameters_.format),
                          .rounding = rounding_name(parameters_.rounding),
                          .overflow = std::string(overflow_name(overflow)),
                          .scale = parameters_.scaled ? "exponent" : ""});
      wanted_.push_back(options.has_overflow(overflow));
    }
  }

  void add(std::uint32_t x, std::uint32_t word) { batch_.add(x, word); }

  // With a random word (a lane that does not round stochastically must ignore it), and those that
  // decide: the ends and both sides of the step.
  void add_deciding(std::uint32_t x, std::uint32_t word, std::uint32_t other_word) {
    add(x, word);
    if (!parameters_.rounding.is_stochastic()) return;
    const int random_bits = parameters_.rounding.random_bits;
    add(x, other_word);
    add(x, static_cast<std::uint32_t>((std::uint64_t{1} << (32 - random_bits)) - 1));  // number 0
    add(x, 0xffffffffu);
    const Code down = expected(golden_.front(), x, 0);
    const auto number = deciding_number(
        random_bits, [&](std::uint32_t w) { return expected(golden_.front(), x, w) != down; });
    if (!number) return;
    const auto [at, below] = deciding_words(*number, random_bits);
    add(x, at);
    add(x, below);
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
  [[nodiscard]] Code expected(const Quantizer& golden, std::uint32_t x, std::uint32_t word) const {
    const auto value = std::bit_cast<float>(x);
    if (!parameters_.scaled) return golden.code(value, word);
    return encode(golden.format(), golden.options(), std::ldexp(double{value}, scale_exponent_),
                  word);
  }

  void compare(std::span<const std::uint32_t> x, std::span<const std::uint32_t> words) {
    const std::size_t n = x.size();
    bank_.cast(row_, scale_exponent_, x, words, std::span(codes_[0]).first(n),
               std::span(codes_[1]).first(n));
    for (std::size_t k = 0; k < kOverflows.size(); ++k) {
      if (!wanted_[k]) continue;
      golden_codes(golden_[k], x, words);
      if (std::equal(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(n),
                     codes_[k].begin())) {
        results_[k].vectors += n;
        continue;
      }
      for (std::size_t i = 0; i < n; ++i) {
        results_[k].count(codes_[k][i] == expected_[i], bank_.tick_of(i), [&] {
          return fmt::format("x=0x{:08x}{} word=0x{:08x} expected=0x{:02x} got=0x{:02x}", x[i],
                             parameters_.scaled ? fmt::format(" scale=2^{}", scale_exponent_) : "",
                             words[i], expected_[i], codes_[k][i]);
        });
      }
    }
  }

  void golden_codes(const Quantizer& golden, std::span<const std::uint32_t> x,
                    std::span<const std::uint32_t> words) {
    if (in_bulk_ && !parameters_.scaled) {
      std::transform(x.begin(), x.end(), values_.begin(),
                     [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
      golden.to_codes_with_words<std::uint8_t>(std::span<const float>(values_).first(x.size()),
                                               words, std::span(expected_).first(x.size()));
      return;
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      expected_[i] = static_cast<std::uint8_t>(expected(golden, x[i], words[i]));
    }
  }

  QuantizerBank& bank_;
  std::size_t row_;
  int scale_exponent_;
  bool in_bulk_;
  QuantizerRow parameters_;
  Batch batch_;
  std::vector<Quantizer> golden_;
  std::vector<Result> results_;
  std::vector<bool> wanted_;
  std::array<float, Batch::kBlock> values_ = {};
  std::array<std::uint8_t, Batch::kBlock> expected_ = {};
  std::array<std::array<std::uint8_t, Batch::kBlock>, 2> codes_ = {};
};

std::vector<Result> check_chosen(std::size_t row, const Options& options, Waveform* wave) {
  QuantizerBank bank;
  bank.watch(wave, row);
  const auto comparison = std::make_unique<Comparison>(bank, row, 0, false, options);
  const QuantizerRow& parameters = bank.rows()[row];
  const CounterRandom random{derive(options.seed, row)};
  std::uint64_t index = 0;
  for (const auto& inputs : {bf16_inputs(), corner_inputs(parameters.format)}) {
    for (const std::uint32_t x : inputs) {
      comparison->add_deciding(x, random.word(2 * index), random.word(2 * index + 1));
      ++index;
    }
  }
  return comparison->finish();
}

// A format's corners, moved by the scale: what decides lies where x times the scale is a corner.
std::vector<Result> check_scaled(std::size_t row, int scale_exponent, const Options& options,
                                 Waveform* wave) {
  QuantizerBank bank;
  bank.watch(wave, row);
  const auto comparison = std::make_unique<Comparison>(bank, row, scale_exponent, false, options);
  const CounterRandom random{
      derive(options.seed, row * 256 + static_cast<std::size_t>(128 + scale_exponent))};
  std::uint64_t index = 0;
  const auto add = [&](std::uint32_t x) {
    comparison->add_deciding(x, random.word(2 * index), random.word(2 * index + 1));
    ++index;
  };
  for (const std::uint32_t x : special_inputs()) add(x);
  for (const std::uint32_t corner : corner_inputs(bank.rows()[row].format)) {
    const double x = std::ldexp(double{std::bit_cast<float>(corner)}, -scale_exponent);
    if (std::fabs(x) <= double{std::numeric_limits<float>::max()}) {
      add(std::bit_cast<std::uint32_t>(static_cast<float>(x)));
    }
  }
  for (std::uint32_t i = 0; i < 4096; ++i) add(random.word(~std::uint64_t{i}));
  return comparison->finish();
}

// All inputs with these top bits. Stochastic roundings: with the four words that decide all. The
// code as a function of the random number is one step from down to up (golden model and RTL: the
// carry of a sum), so it is known everywhere from the ends and the two numbers at the step.
std::vector<Result> check_range(std::size_t row, std::uint32_t top, int top_bits,
                                const Options& options, Waveform* wave) {
  QuantizerBank bank;
  bank.watch(wave, row);
  const auto comparison = std::make_unique<Comparison>(bank, row, 0, true, options);
  const QuantizerRow& parameters = bank.rows()[row];
  const std::uint64_t count = std::uint64_t{1} << (32 - top_bits);
  const bool draws = parameters.rounding.is_stochastic();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto x = static_cast<std::uint32_t>(top * count + i);
    comparison->add(x, 0);
    if (!draws) continue;
    const auto [at, below] =
        deciding_words(step_number(parameters.format, parameters.rounding, std::bit_cast<float>(x)),
                       parameters.rounding.random_bits);
    comparison->add(x, at);
    comparison->add(x, below);
    comparison->add(x, 0xffffffffu);
  }
  return comparison->finish();
}

std::vector<Check> checks_of(std::string_view, const Options& options) {
  constexpr int kTopBits = 6;
  const QuantizerBank bank;
  std::vector<Check> checks;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    const QuantizerRow& parameters = bank.rows()[row];
    if (!options.has_format(parameters.format) || !options.has_rounding(parameters.rounding)) {
      continue;
    }
    if (options.exhaustive) {
      for (std::uint32_t top = 0; top < 1u << kTopBits; ++top) {
        checks.emplace_back(
            [=](Waveform* wave) { return check_range(row, top, kTopBits, options, wave); });
      }
      continue;
    }
    checks.emplace_back([=](Waveform* wave) { return check_chosen(row, options, wave); });
    if (!parameters.scaled) continue;
    for (const int scale_exponent : {-128, -127, -126, -40, -1, 1, 13, 100, 126, 127}) {
      checks.emplace_back(
          [=](Waveform* wave) { return check_scaled(row, scale_exponent, options, wave); });
    }
  }
  return checks;
}

std::vector<VectorSet> vectors_of(std::string_view module, const Options& options) {
  const QuantizerBank bank;
  std::vector<VectorSet> sets;
  for (std::size_t i = 0; i < bank.rows().size(); ++i) {
    const QuantizerRow& row = bank.rows()[i];
    if (!options.has_format(row.format) || !options.has_rounding(row.rounding)) continue;
    const CounterRandom random{derive(options.seed, i)};
    const std::size_t random_bits =
        row.rounding.is_stochastic() ? static_cast<std::size_t>(row.rounding.random_bits) : 1;
    for (const Overflow overflow : kOverflows) {
      if (!options.has_overflow(overflow)) continue;
      const CastOptions cast{row.rounding, overflow, NanPolicy::zero};
      VectorSet set{
          .module = std::string(module),
          .name = fmt::format("{}-{}-{}", module, i, overflow_name(overflow)),
          .parameters =
              fmt::format("{}, {}, .Saturate(1'b{}), .Scaled(1'b{})", format_parameters(row.format),
                          rounding_parameters(row.rounding), overflow == Overflow::saturate ? 1 : 0,
                          row.scaled ? 1 : 0),
          .inputs = {{.prefix = "",
                      .fields = {{"x_i", 32}, {"scale_exponent_i", 8}, {"random_i", random_bits}},
                      .words = {}}},
          .outputs = {{.prefix = "",
                       .fields = {{"code_o", static_cast<std::size_t>(row.format.bits())}},
                       .words = {}}},
          .is_combinational = true};
      std::uint64_t draw = 0;
      for (const std::uint32_t x : corner_inputs(row.format)) {
        const std::uint32_t word = random.word(draw++);
        const int scale = row.scaled ? static_cast<int>(draw % 7) - 3 : 0;
        const double value = std::ldexp(double{std::bit_cast<float>(x)}, scale);
        set.inputs[0].words.push_back(HexWord()
                                          .add(x, 32)
                                          .add(static_cast<std::uint8_t>(scale), 8)
                                          .add(word >> (32 - random_bits), random_bits));
        set.outputs[0].words.push_back(HexWord().add(encode(row.format, cast, value, word),
                                                     static_cast<std::size_t>(row.format.bits())));
      }
      sets.push_back(std::move(set));
    }
  }
  return sets;
}

void add_built(std::string_view, Built& built) {
  const QuantizerBank bank;
  for (const QuantizerRow& row : bank.rows()) built.add(row.format, row.rounding);
}

}  // namespace

extern const Family k_quantizer_lane;  // the registry declares it too
const Family k_quantizer_lane = {add_built, checks_of, nullptr, vectors_of};

}  // namespace gradpath::verify
