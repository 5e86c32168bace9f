#include "models/prune/stochastic_pruner.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/prune_definition.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kSignBit = 0x80000000u;

}  // namespace

StochasticPruner::StochasticPruner(float alpha, int random_bits)
    : alpha_(alpha), random_bits_(random_bits) {
  if (!(alpha >= 0) || !std::isfinite(alpha)) {
    throw UserError(
        fmt::format("pruning threshold {} is not usable; expected a finite number >= 0", alpha));
  }
  if (random_bits < 1 || random_bits > 24) {
    throw UserError(fmt::format("pruning with {} random bits; expected 1 to 24", random_bits));
  }
}

float StochasticPruner::prune(float x, std::uint32_t random_word) const {
  const auto alpha_bits = std::bit_cast<std::uint32_t>(alpha_) & ~kSignBit;  // -0 is 0
  return std::bit_cast<float>(
      prune_bits(std::bit_cast<std::uint32_t>(x), alpha_bits, random_bits_, random_word));
}

// The same decision without branches, for vectors: (2u + 1) alpha < |x| 2^(R + 1), both sides exact
// in double (25 + 24 bits).
void StochasticPruner::prune_block(std::span<const float> in, const std::uint32_t* words,
                                   float* out) const {
  const auto alpha_bits = std::bit_cast<std::uint32_t>(alpha_) & ~kSignBit;
  const double alpha = std::fabs(alpha_);
  const double scale = std::ldexp(1.0, random_bits_ + 1);
  const int shift = 32 - random_bits_;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(in[i]);
    const std::uint32_t magnitude = bits & ~kSignBit;
    const auto odd = static_cast<std::int32_t>((words[i] >> shift) * 2 + 1);
    const double right = static_cast<double>(std::bit_cast<float>(magnitude)) * scale;
    const std::uint32_t promoted = odd * alpha < right ? (bits & kSignBit) | alpha_bits : 0u;
    out[i] = std::bit_cast<float>(magnitude >= alpha_bits ? bits : promoted);
  }
}

void StochasticPruner::prune(std::span<const float> in, std::span<float> out, CounterRandom random,
                             std::uint64_t first_index) const {
  if (in.size() != out.size()) throw std::invalid_argument("prune: sizes of in and out differ");
  std::array<std::uint32_t, 16 * CounterRandom::kBlock> words;
  for (std::size_t begin = 0; begin < in.size(); begin += words.size()) {
    const std::size_t size = std::min(words.size(), in.size() - begin);
    random.fill(first_index + begin, std::span(words).first(size));
    prune_block(in.subspan(begin, size), words.data(), out.data() + begin);
  }
}

void StochasticPruner::prune_with_words(std::span<const float> in,
                                        std::span<const std::uint32_t> words,
                                        std::span<float> out) const {
  if (in.size() != out.size() || in.size() != words.size()) {
    throw std::invalid_argument("prune: sizes of in, words and out differ");
  }
  prune_block(in, words.data(), out.data());
}

}  // namespace gradpath
