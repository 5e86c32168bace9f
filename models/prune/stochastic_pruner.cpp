#include "models/prune/stochastic_pruner.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/fp32.hpp"
#include "models/prune/prune_kernels.hpp"

namespace gradpath {
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
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & ~fp32::kSign;
  if (magnitude >= alpha_bits()) return x;
  const fp32::Parts value = fp32::split(magnitude);
  const fp32::Parts threshold = fp32::split(alpha_bits());
  const int d = threshold.exponent - value.exponent;
  if (d > random_bits_ + 1) return 0.0f;
  const std::uint64_t u = random_word >> (32 - random_bits_);
  const std::uint64_t left = (2 * u + 1) * threshold.significand;
  const std::uint64_t right = (std::uint64_t{value.significand} << (random_bits_ + 1)) >> d;
  if (left >= right) return 0.0f;
  return std::bit_cast<float>((bits & fp32::kSign) | alpha_bits());
}

void StochasticPruner::prune(std::span<const float> in, std::span<float> out, CounterRandom random,
                             std::uint64_t first_index) const {
  if (in.size() != out.size()) throw std::invalid_argument("prune: sizes of in and out differ");
  kernels::promote({in, out.data(), random, first_index}, alpha_bits(), random_bits_);
}

void StochasticPruner::prune_with_words(std::span<const float> in,
                                        std::span<const std::uint32_t> words,
                                        std::span<float> out) const {
  if (in.size() != out.size() || in.size() != words.size()) {
    throw std::invalid_argument("prune: sizes of in, words and out differ");
  }
  kernels::promote(in, words.data(), alpha_bits(), random_bits_, out.data());
}

}  // namespace gradpath
