// Vector loops of block scaling, compiled once per instruction set and chosen at run time. Every
// element's result is one fp32 multiplication or division and integer comparisons: the same bits on
// every target.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/scale/block_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/format/fp32.hpp"
#include "models/scale/block_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::block_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using DU = hn::ScalableTag<std::uint32_t>;
using DF = hn::ScalableTag<float>;
using VU = hn::Vec<DU>;
using VF = hn::Vec<DF>;

// Calls whole(i) for the vectors in [0, count) and some(i, n) for the n elements that remain.
template <class Whole, class Some>
HWY_INLINE void for_vectors(std::size_t count, Whole whole, Some some) {
  const std::size_t width = hn::Lanes(DF());
  std::size_t i = 0;
  for (; i + width <= count; i += width) whole(i);
  if (i < count) some(i, count - i);
}

HWY_INLINE VF load_some(const float* in, std::size_t count) {
  HWY_ALIGN float buffer[hn::MaxLanes(DF())] = {};
  std::copy(in, in + count, buffer);
  return hn::Load(DF(), buffer);
}
HWY_INLINE void store_some(VF values, float* out, std::size_t count) {
  HWY_ALIGN float buffer[hn::MaxLanes(DF())];
  hn::Store(values, DF(), buffer);
  std::copy(buffer, buffer + count, out);
}

HWY_INLINE VU magnitude_bits(VF values) {
  const DU d;
  return hn::And(hn::BitCast(d, values), hn::Set(d, fp32::kMagnitude));
}
// Zero where a magnitude is infinite or not a number.
HWY_INLINE VU finite_or_zero(VU magnitude) {
  const DU d;
  return hn::IfThenElseZero(hn::Lt(magnitude, hn::Set(d, fp32::kInfinity)), magnitude);
}

// The largest magnitude's bits in every lane.
template <bool kAllFinite>
HWY_INLINE VU amax_of_block(const float* in, std::size_t block) {
  const DU d;
  const DF df;
  auto largest = hn::Zero(d);
  const auto take = [&](VF values) HWY_ATTR __attribute__((always_inline)) {
    const auto magnitude = magnitude_bits(values);
    largest = hn::Max(largest, kAllFinite ? magnitude : finite_or_zero(magnitude));
  };
  for_vectors(
      block, [&](std::size_t i) HWY_ATTR { take(hn::LoadU(df, in + i)); },
      [&](std::size_t i, std::size_t n) HWY_ATTR { take(load_some(in + i, n)); });
  return hn::MaxOfLanes(d, largest);
}

// How far ahead memory is asked for: while one batch is worked on, the next arrives.
constexpr std::size_t kPrefetchElements = 2048;
constexpr std::size_t kLineElements = 16;

#if HWY_TARGET != HWY_SCALAR
// The largest lane of each 128-bit column: v's halves folded onto each other.
template <class D, class V>
HWY_INLINE auto fold_to_128(D d, V v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return fold_to_128(half, hn::Max(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The largest magnitudes of four blocks of kVectors vectors each, transposed while they are
// reduced, so that four results take the shuffles of two.
template <std::size_t kVectors>
HWY_INLINE hn::Vec<hn::Full128<std::uint32_t>> amax_of_four(const float* HWY_RESTRICT in) {
  const DU d;
  const DF df;
  const std::size_t width = hn::Lanes(d);
  const std::size_t block = kVectors * width;
  const hn::Repartition<std::uint64_t, DU> d64;
  for (std::size_t i = 0; i < 4 * block; i += kLineElements) {
    hwy::Prefetch(in + kPrefetchElements + i);
  }
  const auto of_block = [&](const float* from) HWY_ATTR __attribute__((always_inline)) {
    auto largest = magnitude_bits(hn::LoadU(df, from));
    for (std::size_t v = 1; v < kVectors; ++v) {
      largest = hn::Max(largest, magnitude_bits(hn::LoadU(df, from + v * width)));
    }
    return largest;
  };
  const auto m0 = of_block(in);
  const auto m1 = of_block(in + block);
  const auto m2 = of_block(in + 2 * block);
  const auto m3 = of_block(in + 3 * block);
  const auto m01 = hn::Max(hn::InterleaveLower(d, m0, m1), hn::InterleaveUpper(d, m0, m1));
  const auto m23 = hn::Max(hn::InterleaveLower(d, m2, m3), hn::InterleaveUpper(d, m2, m3));
  const auto p01 = hn::BitCast(d64, m01);
  const auto p23 = hn::BitCast(d64, m23);
  const auto all = hn::Max(hn::BitCast(d, hn::InterleaveLower(d64, p01, p23)),
                           hn::BitCast(d, hn::InterleaveUpper(d64, p01, p23)));
  return fold_to_128(d, all);
}

template <std::size_t kVectors>
std::size_t amax_by_fours(const float* HWY_RESTRICT in, std::size_t blocks,
                          std::uint32_t* HWY_RESTRICT amax) {
  const std::size_t block = kVectors * hn::Lanes(DU());
  std::size_t b = 0;
  for (; b + 4 <= blocks; b += 4, in += 4 * block) {
    hn::StoreU(amax_of_four<kVectors>(in), hn::Full128<std::uint32_t>(), amax + b);
  }
  return b;
}

// The E8M0 codes of four blocks (SharedExponent::code), and the element's grid under each: false
// if a block holds something not finite, is all subnormal or has a scale out of the kernel's range.
struct MxGrids {
  std::uint32_t limit[4];   // fp32 bits of the largest finite
  std::uint32_t lowest[4];  // and of the smallest normal
};
HWY_INLINE bool find_mx_grids(hn::Vec<hn::Full128<std::uint32_t>> amax, const MxElement& element,
                              std::uint8_t* HWY_RESTRICT scales, MxGrids& grids) {
  const hn::Full128<std::uint32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto is_zero = hn::Eq(amax, hn::Zero(d));
  // One comparison for both ends, as what is below wraps around.
  const auto between = [&](auto v, std::uint32_t low, std::uint32_t high) HWY_ATTR
      __attribute__((always_inline)) {
    return hn::Not(hn::Gt(hn::Sub(v, hn::Set(d, low)), hn::Set(d, high - low)));
  };
  const auto is_normal = between(amax, fp32::kSmallestNormal, fp32::kInfinity - 1);
  const auto field = hn::ShiftRight<23>(hn::Add(amax, hn::Set(d, element.carry)));
  const auto emax = hn::Set(d, static_cast<std::uint32_t>(element.emax));
  const auto code = hn::IfThenElse(is_zero, hn::Set(d, 127u), hn::Sub(field, emax));
  const auto is_covered =
      hn::And(hn::Or(is_zero, is_normal), between(code, element.first_scale, element.last_scale));
  if (HWY_UNLIKELY(!hn::AllTrue(d, is_covered))) return false;
  hn::StoreU(hn::DemoteTo(d8, hn::BitCast(hn::RebindToSigned<decltype(d)>(), code)), d8, scales);
  const auto moved = hn::ShiftLeft<23>(hn::Sub(code, hn::Set(d, 127u)));  // modulo 2^32
  const auto min_bits = static_cast<std::uint32_t>(element.min_field) << 23;
  hn::StoreU(hn::Add(moved, hn::Set(d, element.limit)), d, grids.limit);
  hn::StoreU(hn::Add(moved, hn::Set(d, min_bits)), d, grids.lowest);
  return true;
}

// Nearest even by one fp32 addition: 2^23 quanta of the number's binade push everything below a
// quantum out of the sum.
template <std::size_t kVectors, class Out>
bool quantize_mx_by_fours(const float* HWY_RESTRICT first_in, std::size_t blocks,
                          const MxElement& element, std::uint8_t* HWY_RESTRICT scales,
                          Out* HWY_RESTRICT first_out) {
  if (blocks < 4) return false;
  const DU d;
  const DF df;
  const hn::Repartition<std::uint16_t, DU> d16;
  const hn::Repartition<std::uint8_t, DU> d8;
  const std::size_t width = hn::Lanes(d);
  const int shift = 23 - element.mantissa_bits;
  const auto to_shifter = hn::Set(d, static_cast<std::uint32_t>(shift) << 23);
  const auto exponent_mask = hn::Set(d, fp32::kInfinity);
  const auto sign_mask = hn::Set(d16, static_cast<std::uint16_t>(1u << element.magnitude_bits));
  const int sign_shift = 15 - element.magnitude_bits;
  for (std::size_t b = 0; b < blocks; b += 4) {
    const std::size_t block = std::min(b, blocks - 4);  // the last four may be done partly again
    const float* HWY_RESTRICT in = first_in + block * kVectors * width;
    Out* HWY_RESTRICT out = first_out + block * kVectors * width;
    MxGrids grids;
    if (!find_mx_grids(amax_of_four<kVectors>(in), element, scales + block, grids)) return false;
#pragma GCC unroll 8
    for (std::size_t four = 0; four < kVectors; ++four, in += 4 * width, out += 4 * width) {
      VU bits[4];
      VU magnitudes[4];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < 4; ++v) {
        const std::size_t grid = (4 * four + v) / kVectors;
        const auto lowest = hn::Set(d, grids.lowest[grid]);
        bits[v] = hn::BitCast(d, hn::LoadU(df, in + v * width));
        const auto magnitude = hn::And(bits[v], hn::Set(d, fp32::kMagnitude));
        const auto clamped = hn::Min(magnitude, hn::Set(d, grids.limit[grid]));
        const auto binade = hn::Max(hn::And(clamped, exponent_mask), lowest);
        const auto shifter = hn::Add(binade, to_shifter);
        const auto sum = hn::Add(hn::BitCast(df, clamped), hn::BitCast(df, shifter));
        if constexpr (sizeof(Out) == 1) {
          const auto quanta = hn::Sub(hn::BitCast(d, sum), shifter);
          const auto base = hn::ShiftRightSame(hn::Sub(binade, lowest), shift);
          magnitudes[v] = hn::Add(base, quanta);
        } else {
          const auto value = hn::BitCast(d, hn::Sub(sum, hn::BitCast(df, shifter)));
          const auto signed_value = hn::OrAnd(value, bits[v], hn::Set(d, ~fp32::kMagnitude));
          hn::StoreU(hn::BitCast(df, signed_value), df, out + v * width);
        }
      }
      if constexpr (sizeof(Out) == 1) {  // signs on packed magnitudes
        const auto half = [&](std::size_t v) HWY_ATTR __attribute__((always_inline)) {
          const auto low = hn::ConcatEven(d16, hn::BitCast(d16, magnitudes[v + 1]),
                                          hn::BitCast(d16, magnitudes[v]));
          const auto upper =
              hn::ConcatOdd(d16, hn::BitCast(d16, bits[v + 1]), hn::BitCast(d16, bits[v]));
          return hn::BitCast(d8, hn::OrAnd(low, hn::ShiftRightSame(upper, sign_shift), sign_mask));
        };
        const auto low = half(0);
        hn::StoreU(hn::ConcatEven(d8, half(2), low), d8, out);
      }
    }
  }
  return true;
}
#endif

bool block_amax(const float* HWY_RESTRICT in, std::size_t blocks, std::size_t block,
                std::uint32_t* HWY_RESTRICT amax) {
  std::size_t b = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t width = hn::Lanes(DU());
  if (block == width) b = amax_by_fours<1>(in, blocks, amax);
  if (block == 2 * width) b = amax_by_fours<2>(in, blocks, amax);
  if (block == 4 * width) b = amax_by_fours<4>(in, blocks, amax);
  if (block == 8 * width) b = amax_by_fours<8>(in, blocks, amax);
#endif
  for (; b < blocks; ++b) amax[b] = hn::GetLane(amax_of_block<true>(in + b * block, block));
  bool all_finite = true;
  for (b = 0; b < blocks; ++b) {
    if (HWY_LIKELY(amax[b] < fp32::kInfinity)) continue;
    all_finite = false;  // one more look that leaves out what is not finite
    amax[b] = hn::GetLane(amax_of_block<false>(in + b * block, block));
  }
  return all_finite;
}

void column_amax(const float* HWY_RESTRICT in, std::size_t count,
                 std::uint32_t* HWY_RESTRICT amax) {
  const DU d;
  const DF df;
  for_vectors(
      count,
      [&](std::size_t i) HWY_ATTR {
        const auto magnitude = finite_or_zero(magnitude_bits(hn::LoadU(df, in + i)));
        hn::StoreU(hn::Max(magnitude, hn::LoadU(d, amax + i)), d, amax + i);
      },
      [&](std::size_t i, std::size_t n) HWY_ATTR {
        for (const std::size_t end = i + n; i < end; ++i) {
          const auto magnitude = std::bit_cast<std::uint32_t>(in[i]) & fp32::kMagnitude;
          if (magnitude < fp32::kInfinity) amax[i] = std::max(amax[i], magnitude);
        }
      });
}

HWY_INLINE VF scale_vector(VF in, VF factor, VU limit) {
  const DU d;
  const DF df;
  const auto product = hn::BitCast(d, hn::Mul(in, factor));
  const auto magnitude = hn::And(product, hn::Set(d, fp32::kMagnitude));
  // A limit that cuts nothing where the input is not finite.
  const auto finite = hn::Lt(magnitude_bits(in), hn::Set(d, fp32::kInfinity));
  const auto cut = hn::Min(magnitude, hn::IfThenElse(finite, limit, hn::Set(d, fp32::kMagnitude)));
  return hn::BitCast(df, hn::Or(cut, hn::AndNot(hn::Set(d, fp32::kMagnitude), product)));
}

template <bool kAllFinite>
HWY_INLINE void scale_blocks_of(const float* HWY_RESTRICT in, std::size_t blocks, std::size_t block,
                                const float* HWY_RESTRICT factors, std::uint32_t limit_bits,
                                float* HWY_RESTRICT out) {
  const DU d;
  const DF df;
  const auto limit = hn::Set(d, limit_bits);
  const auto upper = hn::BitCast(df, limit);
  const auto lower = hn::Neg(upper);
  for (std::size_t b = 0; b < blocks; ++b, in += block, out += block) {
    const auto factor = hn::Set(df, factors[b]);
    const auto scaled = [&](VF x) HWY_ATTR __attribute__((always_inline)) {
      if constexpr (kAllFinite) return hn::Min(hn::Max(hn::Mul(x, factor), lower), upper);
      return scale_vector(x, factor, limit);
    };
    for_vectors(
        block,
        [&](std::size_t i) HWY_ATTR { hn::StoreU(scaled(hn::LoadU(df, in + i)), df, out + i); },
        [&](std::size_t i, std::size_t n)
            HWY_ATTR { store_some(scaled(load_some(in + i, n)), out + i, n); });
  }
}

void scale_blocks(const float* HWY_RESTRICT in, std::size_t blocks, std::size_t block,
                  const float* HWY_RESTRICT factors, std::uint32_t limit, bool all_finite,
                  float* HWY_RESTRICT out) {
  if (all_finite) {
    scale_blocks_of<true>(in, blocks, block, factors, limit, out);
  } else {
    scale_blocks_of<false>(in, blocks, block, factors, limit, out);
  }
}

void scale_columns(const float* HWY_RESTRICT in, std::size_t count,
                   const float* HWY_RESTRICT factors, std::uint32_t limit_bits,
                   float* HWY_RESTRICT out) {
  const DF df;
  const auto limit = hn::Set(DU(), limit_bits);
  for_vectors(
      count,
      [&](std::size_t i) HWY_ATTR {
        hn::StoreU(scale_vector(hn::LoadU(df, in + i), hn::LoadU(df, factors + i), limit), df,
                   out + i);
      },
      [&](std::size_t i, std::size_t n) HWY_ATTR {
        store_some(scale_vector(load_some(in + i, n), load_some(factors + i, n), limit), out + i,
                   n);
      });
}

HWY_INLINE VF unscale_vector(VF value, VF factor, bool divides) {
  return divides ? hn::Div(value, factor) : hn::Mul(value, factor);
}

void unscale_blocks(float* HWY_RESTRICT values, std::size_t blocks, std::size_t block,
                    const float* HWY_RESTRICT factors, bool divides) {
  const DF df;
  for (std::size_t b = 0; b < blocks; ++b, values += block) {
    const auto factor = hn::Set(df, factors[b]);
    for_vectors(
        block,
        [&](std::size_t i) HWY_ATTR {
          hn::StoreU(unscale_vector(hn::LoadU(df, values + i), factor, divides), df, values + i);
        },
        [&](std::size_t i, std::size_t n) HWY_ATTR {
          store_some(unscale_vector(load_some(values + i, n), factor, divides), values + i, n);
        });
  }
}

void unscale_columns(float* HWY_RESTRICT values, std::size_t count,
                     const float* HWY_RESTRICT factors, bool divides) {
  const DF df;
  for_vectors(
      count,
      [&](std::size_t i) HWY_ATTR {
        hn::StoreU(unscale_vector(hn::LoadU(df, values + i), hn::LoadU(df, factors + i), divides),
                   df, values + i);
      },
      [&](std::size_t i, std::size_t n) HWY_ATTR {
        const auto value = load_some(values + i, n);
        store_some(unscale_vector(value, load_some(factors + i, n), divides), values + i, n);
      });
}

template <class Out>
bool quantize_mx_of(const float* in, std::size_t blocks, std::size_t block,
                    const MxElement& element, std::uint8_t* scales, Out* out) {
#if HWY_TARGET != HWY_SCALAR
  const std::size_t width = hn::Lanes(DU());
  if (block == width) return quantize_mx_by_fours<1>(in, blocks, element, scales, out);
  if (block == 2 * width) return quantize_mx_by_fours<2>(in, blocks, element, scales, out);
  if (block == 4 * width) return quantize_mx_by_fours<4>(in, blocks, element, scales, out);
  if (block == 8 * width) return quantize_mx_by_fours<8>(in, blocks, element, scales, out);
#else
  (void)in, (void)blocks, (void)block, (void)element, (void)scales, (void)out;
#endif
  return false;
}
bool mx_codes(const float* in, std::size_t blocks, std::size_t block, const MxElement& element,
              std::uint8_t* scales, std::uint8_t* codes) {
  return quantize_mx_of(in, blocks, block, element, scales, codes);
}
bool mx_values(const float* in, std::size_t blocks, std::size_t block, const MxElement& element,
               std::uint8_t* scales, float* values) {
  return quantize_mx_of(in, blocks, block, element, scales, values);
}

void stream_bytes(const std::uint8_t* HWY_RESTRICT in, std::size_t bytes,
                  std::uint8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t width = hn::Lanes(d);
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(out) % width;
  std::size_t i = misaligned == 0 ? 0 : std::min(width - misaligned, bytes);
  std::memcpy(out, in, i);
  for (; i + width <= bytes; i += width) hn::Stream(hn::LoadU(d, in + i), d, out + i);
  std::memcpy(out + i, in + i, bytes - i);
}

}  // namespace gradpath::block_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::block_kernels {

HWY_EXPORT(block_amax);
HWY_EXPORT(column_amax);
HWY_EXPORT(scale_blocks);
HWY_EXPORT(scale_columns);
HWY_EXPORT(unscale_blocks);
HWY_EXPORT(unscale_columns);
HWY_EXPORT(mx_codes);
HWY_EXPORT(mx_values);
HWY_EXPORT(stream_bytes);

bool block_amax(const float* in, std::size_t blocks, std::size_t block, std::uint32_t* amax) {
  return HWY_DYNAMIC_DISPATCH(block_amax)(in, blocks, block, amax);
}
void column_amax(const float* in, std::size_t count, std::uint32_t* amax) {
  HWY_DYNAMIC_DISPATCH(column_amax)(in, count, amax);
}
void scale_blocks(const float* in, std::size_t blocks, std::size_t block, const float* factors,
                  std::uint32_t limit, bool all_finite, float* out) {
  HWY_DYNAMIC_DISPATCH(scale_blocks)(in, blocks, block, factors, limit, all_finite, out);
}
void scale_columns(const float* in, std::size_t count, const float* factors, std::uint32_t limit,
                   float* out) {
  HWY_DYNAMIC_DISPATCH(scale_columns)(in, count, factors, limit, out);
}
void unscale_blocks(float* values, std::size_t blocks, std::size_t block, const float* factors,
                    bool divides) {
  HWY_DYNAMIC_DISPATCH(unscale_blocks)(values, blocks, block, factors, divides);
}
void unscale_columns(float* values, std::size_t count, const float* factors, bool divides) {
  HWY_DYNAMIC_DISPATCH(unscale_columns)(values, count, factors, divides);
}
bool quantize_mx_blocks(const float* in, std::size_t blocks, std::size_t block,
                        const MxElement& element, std::uint8_t* scales, std::uint8_t* codes) {
  return HWY_DYNAMIC_DISPATCH(mx_codes)(in, blocks, block, element, scales, codes);
}
bool quantize_mx_blocks(const float* in, std::size_t blocks, std::size_t block,
                        const MxElement& element, std::uint8_t* scales, float* values) {
  return HWY_DYNAMIC_DISPATCH(mx_values)(in, blocks, block, element, scales, values);
}
void stream_fence() { hwy::FlushStream(); }
void stream_copy(const void* in, std::size_t bytes, void* out) {
  HWY_DYNAMIC_DISPATCH(stream_bytes)
  (static_cast<const std::uint8_t*>(in), bytes, static_cast<std::uint8_t*>(out));
}

}  // namespace gradpath::block_kernels
#endif
