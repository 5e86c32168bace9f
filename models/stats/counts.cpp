// What a tensor holds, by vectors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/stats/counts.cpp"
#include "models/stats/counts.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/format/fp32.hpp"

#ifndef GRADPATH_MODELS_STATS_BLOCK_COUNTS
#define GRADPATH_MODELS_STATS_BLOCK_COUNTS
namespace gradpath {

struct BlockCounts {
  std::uint64_t zeros = 0;
  std::uint64_t below_normal = 0;
  std::uint64_t infs = 0;
  std::uint64_t finite = 0;
  std::uint32_t least = 0xffffffffu;  ///< magnitude bits of the smallest nonzero, less 1
  std::uint32_t most = 0;             ///< of the largest finite
};

}  // namespace gradpath
#endif

HWY_BEFORE_NAMESPACE();
namespace gradpath::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

BlockCounts count_block(std::span<const float> values) {
  BlockCounts c;
  const hn::ScalableTag<std::uint32_t> d;
  const hn::ScalableTag<float> df;
  const auto infinity = hn::Set(d, fp32::kInfinity);
  auto least = hn::Set(d, c.least);
  auto most = hn::Zero(d);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= values.size(); i += hn::Lanes(d)) {
    const auto bits =
        hn::And(hn::BitCast(d, hn::LoadU(df, values.data() + i)), hn::Set(d, fp32::kMagnitude));
    const auto is_finite = hn::Lt(bits, infinity);
    c.zeros += hn::CountTrue(d, hn::Eq(bits, hn::Zero(d)));
    c.below_normal += hn::CountTrue(d, hn::Lt(bits, hn::Set(d, fp32::kSmallestNormal)));
    c.infs += hn::CountTrue(d, hn::Eq(bits, infinity));
    c.finite += hn::CountTrue(d, is_finite);
    least = hn::Min(least, hn::Sub(bits, hn::Set(d, 1)));  // a zero wraps to the largest
    most = hn::Max(most, hn::IfThenElseZero(is_finite, bits));
  }
  c.least = hn::GetLane(hn::MinOfLanes(d, least));
  c.most = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < values.size(); ++i) {
    const std::uint32_t bits = fp32::magnitude(values[i]);
    c.zeros += bits == 0 ? 1u : 0u;
    c.below_normal += bits < fp32::kSmallestNormal ? 1u : 0u;
    c.infs += bits == fp32::kInfinity ? 1u : 0u;
    c.finite += bits < fp32::kInfinity ? 1u : 0u;
    c.least = std::min(c.least, bits - 1);
    c.most = std::max(c.most, bits < fp32::kInfinity ? bits : 0u);
  }
  return c;
}

}  // namespace gradpath::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath {
namespace {

HWY_EXPORT(count_block);

}  // namespace

TensorCounts count_tensor(const TensorSource& source) {
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  TensorCounts counts{.numel = source.numel()};
  BlockCounts all;
  source.visit(
      [&](std::uint64_t, std::span<const float> values) {
        const BlockCounts c = HWY_DYNAMIC_DISPATCH(count_block)(values);
        all.zeros += c.zeros;
        all.below_normal += c.below_normal;
        all.infs += c.infs;
        all.finite += c.finite;
        all.least = std::min(all.least, c.least);
        all.most = std::max(all.most, c.most);
      },
      kBlock);
  counts.zeros = all.zeros;
  counts.subnormals = all.below_normal - all.zeros;
  counts.infs = all.infs;
  counts.nans = counts.numel - all.finite - all.infs;
  if (counts.nonzeros() > 0) {
    counts.abs_min = std::bit_cast<float>(all.least + 1);
    counts.abs_max = std::bit_cast<float>(all.most);
  }
  return counts;
}

TensorCounts count_tensor(std::span<const float> values) {
  return count_tensor(TensorSource(values));
}

}  // namespace gradpath
#endif
