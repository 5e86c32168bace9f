#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "models/round/random.hpp"

namespace gradpath {

/// Stochastic pruning, T(x) of arXiv 2006.08173: x where |x| >= alpha, else sign(x) * alpha with
/// probability |x| / alpha, else zero; so E[T(x)] = x. The bit-level definition is that of
/// rtl/pruner.sv (docs/numerics.md, "Pruning").
class StochasticPruner {
 public:
  /// alpha: finite and >= 0 (UserError otherwise); 0 prunes nothing.
  /// random_bits: R, 1..24; the keep probability is within 2^-(R+1) of |x| / alpha.
  explicit StochasticPruner(float alpha, int random_bits = 24);

  [[nodiscard]] float alpha() const { return alpha_; }
  [[nodiscard]] int random_bits() const { return random_bits_; }

  /// One element; takes the top R bits of the word. NaN and infinities pass.
  [[nodiscard]] float prune(float x, std::uint32_t random_word) const;

  /// Element i uses random.word(first_index + i). Sizes equal, else std::invalid_argument.
  void prune(std::span<const float> in, std::span<float> out, CounterRandom random,
             std::uint64_t first_index = 0) const;
  /// Element i uses words[i], as hardware lanes deliver them.
  void prune_with_words(std::span<const float> in, std::span<const std::uint32_t> words,
                        std::span<float> out) const;

 private:
  [[nodiscard]] std::uint32_t alpha_bits() const {  // -0 is 0
    return std::bit_cast<std::uint32_t>(alpha_) & 0x7fffffffu;
  }

  float alpha_;
  int random_bits_;
};

}  // namespace gradpath
