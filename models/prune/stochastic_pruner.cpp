#include "models/prune/stochastic_pruner.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/prune_definition.hpp"
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
  return std::bit_cast<float>(
      prune_bits(std::bit_cast<std::uint32_t>(x), alpha_bits(), random_bits_, random_word));
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
