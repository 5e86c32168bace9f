#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/round/random.hpp"

namespace gradpath::kernels {

// Loops over the elements of a pruned tensor, as vectors. in and out: equally many, no overlap.

/// A run of elements and what goes with it.
struct PruneRun {
  std::span<const float> in;
  float* out;
  CounterRandom random;
  std::uint64_t first = 0;  ///< index of in[0], for `random`
};

/// Elements of at least `least` as magnitude bits stay, others become +0.
void keep_from(std::span<const float> in, std::uint32_t least, float* out);

/// `stochastic`, as StochasticPruner defines it: magnitude bits of alpha.
void promote(const PruneRun& run, std::uint32_t alpha_bits, int random_bits);
/// The same under words given, one an element.
void promote(std::span<const float> in, const std::uint32_t* words, std::uint32_t alpha_bits,
             int random_bits, float* out);

/// `random`: finite elements whose word is below `limit` are multiplied by `factor` in double and
/// rounded, at most to the largest fp32; other finite ones become +0.
void scale_kept(const PruneRun& run, std::uint32_t limit, double factor);

/// `dithered`: finite elements become multiples of `step` > 0. Returns false where one is 2^29
/// steps or more, which this arithmetic does not hold; out is of no use then.
[[nodiscard]] bool dither(const PruneRun& run, float step, int random_bits);

/// `nm`, as nm_prune_block defines it, for blocks of m elements (the last may be shorter): the word
/// of a block is that of its first element.
void nm_prune(const PruneRun& run, std::size_t n, std::size_t m);

}  // namespace gradpath::kernels
