#include "models/stats/counts.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace gradpath {
namespace {

// Magnitudes fit in 31 bits; signed, because SSE2 compares nothing else in vectors.
constexpr std::int32_t kMagnitudeMask = 0x7fffffff;
constexpr std::int32_t kInfinity = 0x7f800000;
constexpr std::int32_t kSmallestNormal = 0x00800000;

struct BlockCounts {
  std::int32_t zeros = 0;
  std::int32_t below_normal = 0;
  std::int32_t infs = 0;
  std::int32_t nans = 0;
  std::int32_t min_nonzero = kInfinity;
  std::int32_t max_finite = 0;
};

BlockCounts count_block(std::span<const float> values) {
  BlockCounts c;
  for (const float x : values) {
    const std::int32_t bits = std::bit_cast<std::int32_t>(x) & kMagnitudeMask;
    c.zeros += bits == 0 ? 1 : 0;
    c.below_normal += bits < kSmallestNormal ? 1 : 0;
    c.infs += bits == kInfinity ? 1 : 0;
    c.nans += bits > kInfinity ? 1 : 0;
    c.min_nonzero = std::min(c.min_nonzero, bits == 0 ? kInfinity : bits);
    c.max_finite = std::max(c.max_finite, bits < kInfinity ? bits : 0);
  }
  return c;
}

std::uint64_t widen(std::int32_t count) { return static_cast<std::uint32_t>(count); }

}  // namespace

TensorCounts count_tensor(std::span<const float> values) {
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  TensorCounts counts;
  counts.numel = values.size();
  std::int32_t min_nonzero = kInfinity;
  std::int32_t max_finite = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const BlockCounts c =
        count_block(values.subspan(begin, std::min(kBlock, values.size() - begin)));
    counts.zeros += widen(c.zeros);
    counts.subnormals += widen(c.below_normal - c.zeros);
    counts.infs += widen(c.infs);
    counts.nans += widen(c.nans);
    min_nonzero = std::min(min_nonzero, c.min_nonzero);
    max_finite = std::max(max_finite, c.max_finite);
  }
  if (counts.nonzeros() > 0) {
    counts.abs_min = std::bit_cast<float>(min_nonzero);
    counts.abs_max = std::bit_cast<float>(max_finite);
  }
  return counts;
}

}  // namespace gradpath
