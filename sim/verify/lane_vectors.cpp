// The inputs that `gradpath verify` gives a combinational lane, as rows of 32-bit words in the
// order of its ports, for scripts/mutate, which replays them over the lane's mutants.
//
//   gradpath-lane-vectors quantizer FORMAT ROUNDING 0|1 FILE   1: with the scale exponent in use
//   gradpath-lane-vectors pruner RANDOM_BITS FILE
#include <bit>
#include <cmath>
#include <cstdint>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/round/random.hpp"
#include "sim/verify/batch.hpp"
#include "sim/verify/vectors.hpp"

namespace gradpath::verify {
namespace {

constexpr std::uint64_t kSeed = 1;
using Words = std::vector<std::uint32_t>;

// A lane's random_i of a word: its top bits.
std::uint32_t top(std::uint32_t word, int random_bits) { return word >> (32 - random_bits); }

// x with the words that check_chosen and check_scaled (quantizer_checks.cpp) give it.
void add_quantizer(const Format& format, const Rounding& rounding, int scale_exponent,
                   std::uint32_t x, std::uint64_t index, Words& rows) {
  const CounterRandom random{Seed{kSeed}};
  const int bits = rounding.is_stochastic() ? rounding.random_bits : 1;
  const auto add = [&](std::uint32_t word) {
    rows.insert(rows.end(),
                {x, static_cast<std::uint32_t>(scale_exponent) & 0xffu, top(word, bits)});
  };
  add(random.word(2 * index));
  if (!rounding.is_stochastic()) return;
  add(random.word(2 * index + 1));
  add(0);
  add(0xffffffffu);
  const CastOptions options{rounding, Overflow::standard, NanPolicy::zero};
  const double value = std::ldexp(double{std::bit_cast<float>(x)}, scale_exponent);
  const auto code = [&](std::uint32_t word) { return encode(format, options, value, word); };
  const Code down = code(0);
  const auto number = deciding_number(bits, [&](std::uint32_t word) { return code(word) != down; });
  if (!number) return;
  const auto [at, below] = deciding_words(*number, bits);
  add(at);
  add(below);
}

Words quantizer_rows(const Format& format, const Rounding& rounding, bool scaled) {
  Words rows;
  std::uint64_t index = 0;
  const auto add = [&](std::uint32_t x, int scale) {
    add_quantizer(format, rounding, scale, x, index++, rows);
  };
  for (const std::uint32_t x : corner_inputs(format)) add(x, 0);
  if (scaled) {
    for (const int scale : {-128, -127, -126, -40, -1, 1, 13, 100, 126, 127}) {
      for (const std::uint32_t x : special_inputs()) add(x, scale);
      for (const std::uint32_t corner : corner_inputs(format)) {
        const double x = std::ldexp(double{std::bit_cast<float>(corner)}, -scale);
        if (std::fabs(x) > double{std::numeric_limits<float>::max()}) continue;
        add(std::bit_cast<std::uint32_t>(static_cast<float>(x)), scale);
      }
    }
  }
  for (const std::uint32_t x : bf16_inputs()) add(x, 0);
  return rows;
}

Words pruner_rows(int random_bits) {
  Words rows;
  const CounterRandom random{Seed{kSeed}};
  std::uint64_t index = 0;
  bool with_bf16 = true;
  for (const std::uint32_t alpha : pruner_thresholds(kSeed)) {
    const StochasticPruner golden(std::bit_cast<float>(alpha), random_bits);
    const auto add = [&](std::uint32_t x) {
      const auto put = [&](std::uint32_t word) {
        rows.insert(rows.end(), {x, alpha, top(word, random_bits)});
      };
      put(random.word(index++));
      put(0);
      put(0xffffffffu);
      const auto value = std::bit_cast<float>(x);
      const bool kept = golden.prune(value, 0) != 0;
      const auto number = deciding_number(random_bits, [&](std::uint32_t word) {
        return (golden.prune(value, word) != 0) != kept;
      });
      if (!number) return;
      const auto [at, below] = deciding_words(*number, random_bits);
      put(at);
      put(below);
    };
    for (const std::uint32_t x : pruner_inputs(alpha, kSeed)) add(x);
    if (with_bf16) {
      for (const std::uint32_t x : bf16_inputs()) add(x);
    }
    with_bf16 = false;  // verify does it for every fourth
  }
  return rows;
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 3) throw UserError("gradpath-lane-vectors: see its source for the arguments");
  const Words rows =
      words[0] == "quantizer"
          ? quantizer_rows(parse_format(words[1]), parse_rounding(words.at(2)), words.at(3) == "1")
          : pruner_rows(std::stoi(words[1]));
  std::ofstream file(words.back(), std::ios::binary);
  file.write(reinterpret_cast<const char*>(rows.data()),
             static_cast<std::streamsize>(rows.size() * sizeof(rows[0])));
  if (!file.flush()) throw UserError(fmt::format("{}: cannot be written", words.back()));
  return 0;
}

}  // namespace
}  // namespace gradpath::verify

int main(int argc, char** argv) {
  try {
    return gradpath::verify::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
