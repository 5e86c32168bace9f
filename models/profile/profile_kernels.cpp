// Loops over the elements of a profile: extremes, checksum, whether all values are bf16; sums by
// bucket.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/profile/profile_kernels.cpp"
#include "models/profile/profile_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

#include <hwy/cache_control.h>
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
    result.zeros += magnitude == 0 ? 1u : 0u;
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
  const auto low_half = hn::Set(d, 0xffffu);
  const auto one = hn::Set(d, 1);
  auto least = hn::Set(d, 0xffffffffu);
  auto most = hn::Zero(d);
  std::size_t on_edge = 0;
  std::size_t zeros = 0;
  auto sum = hn::Zero(dw);
  for (; i + lanes <= values.size(); i += lanes) {
    const auto bits = hn::BitCast(d, hn::LoadU(df, values.data() + i));
    const auto magnitude = hn::And(bits, magnitude_mask);
    least = hn::Min(least, hn::Sub(magnitude, one));  // a zero wraps to the largest
    most = hn::Max(most, magnitude);
    on_edge += hn::CountTrue(d, hn::Eq(hn::And(bits, low_half), hn::Zero(d)));
    zeros += hn::CountTrue(d, hn::Eq(magnitude, hn::Zero(d)));
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
  result.zeros = static_cast<std::uint32_t>(zeros);
  result.on_edge = static_cast<std::uint32_t>(on_edge);
#endif
  scan_one_by_one(values.subspan(i), result);
  return result;
}

#if HWY_TARGET != HWY_SCALAR
// Calls visit(i, block) for the 128-bit blocks of a vector; the calls are unrolled.
template <std::size_t kFirst = 0, class D, class Visit>
HWY_INLINE void for_each_block([[maybe_unused]] D d, hn::Vec<D> v, Visit&& visit) {
  if constexpr (hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) == 16) {
    visit(kFirst, v);
  } else {
    const hn::Half<D> half;
    constexpr std::size_t kBlocks = hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) / 16;
    for_each_block<kFirst>(half, hn::LowerHalf(half, v), visit);
    for_each_block<kFirst + kBlocks / 2>(half, hn::UpperHalf(half, v), visit);
  }
}
#endif

std::size_t compress(std::span<const float> in, float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  std::size_t kept = 0;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= in.size(); i += hn::Lanes(d)) {
    hwy::Prefetch(in.data() + i + in.size());
    const auto x = hn::LoadU(d, in.data() + i);
    // NaNs are not equal to anything, and stay.
    kept += hn::CompressStore(x, hn::Not(hn::Eq(x, hn::Zero(d))), d, out + kept);
  }
  for (; i < in.size(); ++i) {
    if (in[i] != 0.0f) out[kept++] = in[i];
  }
  return kept;
}

void scatter(std::span<const float> values, ProfileCell* HWY_RESTRICT cells) {
  std::size_t done = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> d;
  const hn::RepartitionToWide<decltype(d)> dw;
  const hn::Full128<std::uint64_t> d2;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t kPart = 256;       // stays in L1 between the two loops
  HWY_ALIGN std::uint32_t offsets[kPart];  // of the cells, in words
  const auto low_mask = hn::Set(dw, 0xffffu);
  const auto one = hn::Set(dw, 1);
  const auto zero_cell = hn::And(hn::Iota(d, 0), hn::Set(d, kZeroCells - 1));
  const auto zero_offset =
      hn::ShiftLeft<1>(hn::Add(zero_cell, hn::Set(d, static_cast<std::uint32_t>(kProfileKeys))));
  auto* const words = &cells->low_square_sum;
  while (done + lanes <= values.size()) {
    const float* HWY_RESTRICT in = values.data() + done;
    const std::size_t count = std::min(kPart, (values.size() - done) / lanes * lanes);
    for (std::size_t i = 0; i < count; i += lanes) {
      hwy::Prefetch(in + i + values.size());
      const auto bits = hn::BitCast(d, hn::LoadU(df, in + i));
      const auto is_zero = hn::Eq(hn::Add(bits, bits), hn::Zero(d));
      const auto offset = hn::ShiftLeft<1>(hn::ShiftRight<16>(bits));
      hn::Store(hn::IfThenElse(is_zero, zero_offset, offset), d, offsets + i);
    }
    for (std::size_t i = 0; i < count; i += lanes) {
      const auto pairs = hn::BitCast(dw, hn::LoadU(df, in + i));
      // The elements 4j + r of a vector, one a block of the addends.
      const auto add = [&](auto addends, std::size_t r) HWY_ATTR __attribute__((always_inline)) {
        for_each_block(
            dw, addends, [&](std::size_t j, auto addend) HWY_ATTR __attribute__((always_inline)) {
              std::uint64_t* cell = words + offsets[i + 4 * j + r];
              hn::Store(hn::Add(hn::Load(d2, cell), addend), d2, cell);
            });
      };
      const auto add_two = [&](auto low, std::size_t r) HWY_ATTR __attribute__((always_inline)) {
        const auto square = hn::MulEven(hn::BitCast(d, low), hn::BitCast(d, low));
        const auto sum = hn::Or(hn::ShiftLeft<ProfileCell::kCountBits>(low), one);
        add(hn::InterleaveLower(dw, square, sum), r);
        add(hn::InterleaveUpper(dw, square, sum), r + 2);
      };
      add_two(hn::And(pairs, low_mask), 0);
      add_two(hn::And(hn::ShiftRight<32>(pairs), low_mask), 1);
    }
    done += count;
  }
#endif
  for (; done < values.size(); ++done) {
    const auto bits = std::bit_cast<std::uint32_t>(values[done]);
    const std::uint64_t low = bits & 0xffffu;
    ProfileCell& cell = cells[(bits & 0x7fffffffu) == 0 ? kProfileKeys : bits >> 16];
    cell.low_square_sum += low * low;
    cell.low_sum_and_count += (low << ProfileCell::kCountBits) + 1;
  }
}

}  // namespace gradpath::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::kernels {

HWY_EXPORT(scan);

HWY_EXPORT(compress);

HWY_EXPORT(scatter);

BlockScan scan_block(std::span<const float> values) { return HWY_DYNAMIC_DISPATCH(scan)(values); }

std::size_t drop_zeros(std::span<const float> in, std::span<float> out) {
  return HWY_DYNAMIC_DISPATCH(compress)(in, out.data());
}

void scatter_block(std::span<const float> values, std::span<ProfileCell> cells) {
  HWY_DYNAMIC_DISPATCH(scatter)(values, cells.data());
}

}  // namespace gradpath::kernels
#endif
