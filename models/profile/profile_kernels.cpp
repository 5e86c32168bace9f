// The part of a profile that vectors can do: extremes, checksum, whether all values are bf16.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/profile/profile_kernels.cpp"
#include "models/profile/profile_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/profile/profile.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The definition, and what is left over by vectors.
HWY_INLINE void scan_one_by_one(std::span<const float> values, BlockScan& result) {
  for (const float x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    result.least_bits = std::min(result.least_bits, magnitude - 1);
    result.most_bits = std::max(result.most_bits, magnitude);
    result.on_edge += (bits & 0xffffu) == 0 ? 1u : 0u;
    result.zeros[bits >> 31] += magnitude == 0 ? 1u : 0u;
    result.checksum += profile_hash(bits);
  }
}

BlockScan scan(std::span<const float> values) {
  BlockScan result;
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR  // which has no lanes to widen
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> d;
  const hn::RepartitionToWide<decltype(d)> dw;
  const std::size_t lanes = hn::Lanes(d);
  const auto magnitude_mask = hn::Set(d, 0x7fffffffu);
  const auto sign = hn::Set(d, 0x80000000u);
  const auto low_half = hn::Set(d, 0xffffu);
  const auto one = hn::Set(d, 1);
  auto least = hn::Set(d, 0xffffffffu);
  auto most = hn::Zero(d);
  auto on_edge = hn::Zero(d);
  auto positive_zeros = hn::Zero(d);
  auto negative_zeros = hn::Zero(d);
  auto sum = hn::Zero(dw);
  for (; i + lanes <= values.size(); i += lanes) {
    const auto bits = hn::BitCast(d, hn::LoadU(df, values.data() + i));
    const auto magnitude = hn::And(bits, magnitude_mask);
    least = hn::Min(least, hn::Sub(magnitude, one));  // a zero wraps to the largest
    most = hn::Max(most, magnitude);
    // A true mask is -1.
    on_edge = hn::Sub(on_edge, hn::VecFromMask(d, hn::Eq(hn::And(bits, low_half), hn::Zero(d))));
    positive_zeros = hn::Sub(positive_zeros, hn::VecFromMask(d, hn::Eq(bits, hn::Zero(d))));
    negative_zeros = hn::Sub(negative_zeros, hn::VecFromMask(d, hn::Eq(bits, sign)));
    auto h = hn::Mul(bits, hn::Set(d, 0x9e3779b1u));
    h = hn::Xor(hn::Xor(h, hn::ShiftRight<15>(h)), hn::Set(d, 0x85ebca6bu));
    const auto other = hn::Xor(bits, hn::Set(d, 0xc2b2ae35u));
    const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(dw, h))),
                                 hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(dw, other))));
    sum = hn::Add(sum, hn::Add(hn::MulEven(h, other), odd));
  }
  result.least_bits = hn::GetLane(hn::MinOfLanes(d, least));
  result.most_bits = hn::GetLane(hn::MaxOfLanes(d, most));
  // By hand: GCC 12's reduction of 64-bit lanes adds signed integers, which may overflow.
  HWY_ALIGN std::uint64_t sums[HWY_MAX_BYTES / sizeof(std::uint64_t)];
  hn::Store(sum, dw, sums);
  for (std::size_t lane = 0; lane < hn::Lanes(dw); ++lane) result.checksum += sums[lane];
  result.zeros[0] = hn::GetLane(hn::SumOfLanes(d, positive_zeros));
  result.zeros[1] = hn::GetLane(hn::SumOfLanes(d, negative_zeros));
  result.on_edge = hn::GetLane(hn::SumOfLanes(d, on_edge));
#endif
  scan_one_by_one(values.subspan(i), result);
  return result;
}

}  // namespace gradpath::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::kernels {

HWY_EXPORT(scan);

BlockScan scan_block(std::span<const float> values) { return HWY_DYNAMIC_DISPATCH(scan)(values); }

}  // namespace gradpath::kernels
#endif
