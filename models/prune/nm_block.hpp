#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gradpath {

/// Largest block of unbiased N:M pruning.
inline constexpr std::size_t kLargestNmBlock = 32;

/// Minimum-variance unbiased N:M pruning of one block (arXiv 2203.10991): exactly min(n, nonzeros)
/// elements stay, each worth x / p. The sum of variances, sum of x^2 (1 / p - 1), is least under
/// sum p = n and p <= 1 for p = min(1, |x| / level).
struct NmInclusion {
  double level = 0.0;      ///< what an element with p < 1 becomes, with its sign
  std::uint32_t sure = 0;  ///< bit i: element i stays as it is (p = 1)
  std::size_t drawn = 0;   ///< how many of the others stay
};
/// block: finite, at most kLargestNmBlock elements; n >= 1.
[[nodiscard]] NmInclusion nm_inclusion(std::span<const float> block, std::size_t n);

/// Prunes one block. word: uniform; elements with p < 1 stand side by side on a line in steps of p,
/// in their order, and those that hold one of the points u, u + 1, ... stay, u = (word + 1/2) /
/// 2^32 (systematic sampling: Madow 1949). A block with an infinity or NaN stays as it is, as does
/// one with no more than n nonzeros. out: as long as block.
void nm_prune_block(std::span<const float> block, std::size_t n, std::uint32_t word,
                    std::span<float> out);

}  // namespace gradpath
