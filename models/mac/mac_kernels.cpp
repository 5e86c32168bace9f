// The definitions of dot.cpp for lanes, compiled once per instruction set and chosen at run time.
// A lane is a column of D. All arithmetic is in doubles, where every operand, product and exponent
// of every format is exact; NaN and infinity need no case of their own.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/mac/mac_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/format/codec.hpp"
#include "models/mac/mac_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
// At most 8 lanes, so that two vectors never pass the end of a panel.
using DD = hn::CappedTag<double, kPanelColumns / 4>;
using DU = hn::RebindToUnsigned<DD>;
using VD = hn::Vec<DD>;

HWY_INLINE VD set(double x) { return hn::Set(DD(), x); }

// Whole numbers as doubles to powers of two; -1022 <= n <= 1023.
HWY_INLINE VD power_of_two(VD n) {
  // Adding 1.5 * 2^52 leaves n, in two's complement, in the low bits.
  const auto whole = hn::BitCast(DU(), hn::Add(n, set(0x1.8p52)));
  return hn::BitCast(DD(), hn::ShiftLeft<52>(hn::Add(whole, hn::Set(DU(), 1023))));
}

// floor(log2(|x|)) as a double; -1023 for zero, 1024 for infinity and NaN.
HWY_INLINE VD exponent_of(VD x) {
  const auto field = hn::ShiftRight<52>(hn::BitCast(DU(), hn::Abs(x)));
  const auto shifted = hn::Or(field, hn::BitCast(DU(), set(0x1p52)));
  return hn::Sub(hn::BitCast(DD(), shifted), set(0x1p52 + 1023));
}

struct SumLanes {
  explicit SumLanes(const SumConstants& c)
      : min_power(set(c.min_power)),
        magic(set(c.magic)),
        max_finite(set(c.max_finite)),
        overflow(set(c.overflow)),
        plus(set(c.plus)) {}
  VD min_power, magic, max_finite, overflow, plus;
};

// x + y rounded to odd at 53 bits (TwoSum; see add_to_odd in dot.cpp).
HWY_INLINE VD add_to_odd(VD x, VD y) {
  const DD d;
  const DU du;
  const auto sum = hn::Add(x, y);
  const auto y_part = hn::Sub(sum, x);
  const auto error = hn::Add(hn::Sub(x, hn::Sub(sum, y_part)), hn::Sub(y, y_part));
  const auto bits = hn::BitCast(du, sum);
  // An ordered comparison: false for the NaN that an infinite sum leaves.
  const auto inexact = hn::Gt(hn::Abs(error), hn::Zero(d));
  // One unit up in magnitude where error and sum agree in sign, else one down; not if odd already.
  const auto differ = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, error)));
  const auto step = hn::Sub(hn::Set(du, 1), hn::Add(differ, differ));
  const auto even = hn::Sub(hn::And(bits, hn::Set(du, 1)), hn::Set(du, 1));  // all ones if even
  const auto moved = hn::Add(bits, hn::And(step, even));
  return hn::IfThenElse(inexact, hn::BitCast(d, moved), sum);
}

HWY_INLINE VD round_sum(const SumLanes& lanes, VD x) {
  const DD d;
  const DU du;
  const auto field = hn::And(hn::BitCast(du, x), hn::Set(du, 0x7ff0000000000000u));
  // Capped, or infinity would meet itself in the subtraction.
  const auto power = hn::Min(hn::Max(hn::BitCast(d, field), lanes.min_power), set(0x1p600));
  const auto shift = hn::Mul(power, lanes.magic);
  const auto rounded = hn::CopySign(hn::Sub(hn::Add(x, shift), shift), x);
  const auto too_large = hn::Gt(hn::Abs(rounded), lanes.max_finite);
  const auto result = hn::IfThenElse(too_large, hn::CopySign(lanes.overflow, x), rounded);
  return hn::Add(result, lanes.plus);
}

void rounded(const SumConstants& constants, const double* a, const MacPanel& panel,
             std::size_t count, std::size_t columns, double* sums) {
  const DD d;
  const SumLanes lanes(constants);
  const std::size_t width = hn::Lanes(d);
  for (std::size_t c = 0; c < columns; c += 2 * width) {
    auto sum0 = hn::LoadU(d, sums + c);
    auto sum1 = hn::LoadU(d, sums + c + width);
    const double* b = panel.values + c;
    for (std::size_t k = 0; k < count; ++k, b += kPanelColumns) {
      const auto factor = set(a[k]);
      sum0 = round_sum(lanes, add_to_odd(sum0, hn::Mul(factor, hn::LoadU(d, b))));
      sum1 = round_sum(lanes, add_to_odd(sum1, hn::Mul(factor, hn::LoadU(d, b + width))));
    }
    hn::StoreU(sum0, d, sums + c);
    hn::StoreU(sum1, d, sums + c + width);
  }
}

void add(const SumConstants& constants, const double* addends, std::size_t columns, double* sums) {
  const DD d;
  const SumLanes lanes(constants);
  for (std::size_t c = 0; c < columns; c += hn::Lanes(d)) {
    const auto sum = add_to_odd(hn::LoadU(d, sums + c), hn::LoadU(d, addends + c));
    hn::StoreU(round_sum(lanes, sum), d, sums + c);
  }
}

struct FusedLanes {
  explicit FusedLanes(const FusedGroup& fused)
      : fraction_bits(set(fused.fraction_bits)),
        keep(hn::Set(DU(), ~std::uint64_t{0} << (52 - fused.out_bits))),
        to_quantum(set(std::ldexp(1.0, 126 + fused.out_bits))),
        quantum(set(std::ldexp(1.0, -126 - fused.out_bits))) {}
  VD fraction_bits;
  hn::Vec<DU> keep;
  VD to_quantum, quantum;  // of fp32's subnormals with `out_bits` fraction bits
};

// The exponent with which the running value takes part.
HWY_INLINE VD running_exponent(VD running) {
  return hn::Max(hn::Min(exponent_of(running), set(128)), set(-126));
}

// A group's sum, in units of 2^unit, truncated to the running value's fraction bits.
HWY_INLINE VD fused_result(const FusedLanes& lanes, VD sum, VD unit) {
  const DD d;
  const auto exact = hn::Add(hn::Mul(sum, power_of_two(unit)), hn::Zero(d));  // an exact 0 is +0
  const auto magnitude = hn::Abs(exact);
  const auto normal = hn::BitCast(d, hn::And(hn::BitCast(DU(), exact), lanes.keep));
  const auto subnormal = hn::Mul(hn::Trunc(hn::Mul(exact, lanes.to_quantum)), lanes.quantum);
  auto result = hn::IfThenElse(hn::Lt(magnitude, set(0x1p-126)), subnormal, normal);
  const auto infinity = hn::CopySign(set(std::numeric_limits<double>::infinity()), exact);
  result = hn::IfThenElse(hn::Ge(magnitude, set(0x1p128)), infinity, result);
  return hn::IfThenElse(hn::IsNaN(exact), exact, result);
}

void fused(const FusedGroup& group, const double* a, const double* a_exponents,
           const MacPanel& panel, std::size_t count, std::size_t columns, double* sums) {
  const DD d;
  const FusedLanes lanes(group);
  const std::size_t width = hn::Lanes(d);
  const auto length = static_cast<std::size_t>(group.products);
  for (std::size_t c = 0; c < columns; c += 2 * width) {
    auto running0 = hn::LoadU(d, sums + c);
    auto running1 = hn::LoadU(d, sums + c + width);
    for (std::size_t begin = 0; begin < count; begin += length) {
      const std::size_t end = std::min(begin + length, count);
      auto largest0 = running_exponent(running0);
      auto largest1 = running_exponent(running1);
      const double* e = panel.exponents + begin * kPanelColumns + c;
      for (std::size_t k = begin; k < end; ++k, e += kPanelColumns) {
        const auto exponent = set(a_exponents[k]);
        largest0 = hn::Max(largest0, hn::Add(exponent, hn::LoadU(d, e)));
        largest1 = hn::Max(largest1, hn::Add(exponent, hn::LoadU(d, e + width)));
      }
      const auto scale0 = power_of_two(hn::Sub(lanes.fraction_bits, largest0));
      const auto scale1 = power_of_two(hn::Sub(lanes.fraction_bits, largest1));
      auto sum0 = hn::Trunc(hn::Mul(running0, scale0));
      auto sum1 = hn::Trunc(hn::Mul(running1, scale1));
      const double* b = panel.values + begin * kPanelColumns + c;
      for (std::size_t k = begin; k < end; ++k, b += kPanelColumns) {
        const auto factor = set(a[k]);
        const auto product0 = hn::Mul(factor, hn::LoadU(d, b));
        const auto product1 = hn::Mul(factor, hn::LoadU(d, b + width));
        sum0 = hn::Add(sum0, hn::Trunc(hn::Mul(product0, scale0)));
        sum1 = hn::Add(sum1, hn::Trunc(hn::Mul(product1, scale1)));
      }
      running0 = fused_result(lanes, sum0, hn::Sub(largest0, lanes.fraction_bits));
      running1 = fused_result(lanes, sum1, hn::Sub(largest1, lanes.fraction_bits));
    }
    hn::StoreU(running0, d, sums + c);
    hn::StoreU(running1, d, sums + c + width);
  }
}

void fp32(const float* a, const std::uint32_t* offsets, std::size_t count, const float* strip,
          float* sums) {
  const hn::CappedTag<float, kStripColumns / 2> d;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t c = 0; c < kStripColumns; c += 2 * width) {
    auto sum0 = hn::LoadU(d, sums + c);
    auto sum1 = hn::LoadU(d, sums + c + width);
    for (std::size_t i = 0; i < count; ++i) {
      const float* row = strip + std::size_t{offsets[i]} * kStripColumns + c;
      const auto factor = hn::Set(d, a[i]);
      sum0 = hn::Add(sum0, hn::Mul(factor, hn::LoadU(d, row)));
      sum1 = hn::Add(sum1, hn::Mul(factor, hn::LoadU(d, row + width)));
    }
    hn::StoreU(sum0, d, sums + c);
    hn::StoreU(sum1, d, sums + c + width);
  }
}

void fp64(const float* a, const float* strip, std::size_t count, double* sums) {
  const hn::CappedTag<double, kExactColumns / 2> d;
  const hn::Rebind<float, decltype(d)> f;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t c = 0; c < kExactColumns; c += 2 * width) {
    double* const out = sums + c;
    auto s00 = hn::LoadU(d, out);
    auto s01 = hn::LoadU(d, out + width);
    auto s10 = hn::LoadU(d, out + kExactColumns);
    auto s11 = hn::LoadU(d, out + kExactColumns + width);
    auto s20 = hn::LoadU(d, out + 2 * kExactColumns);
    auto s21 = hn::LoadU(d, out + 2 * kExactColumns + width);
    auto s30 = hn::LoadU(d, out + 3 * kExactColumns);
    auto s31 = hn::LoadU(d, out + 3 * kExactColumns + width);
    for (std::size_t k = 0; k < count; ++k) {
      const auto b0 = hn::PromoteTo(d, hn::LoadU(f, strip + k * kExactColumns + c));
      const auto b1 = hn::PromoteTo(d, hn::LoadU(f, strip + k * kExactColumns + c + width));
      const float* const row = a + k * kExactRows;
      const auto a0 = hn::Set(d, double{row[0]});
      const auto a1 = hn::Set(d, double{row[1]});
      const auto a2 = hn::Set(d, double{row[2]});
      const auto a3 = hn::Set(d, double{row[3]});
      s00 = hn::MulAdd(a0, b0, s00);
      s01 = hn::MulAdd(a0, b1, s01);
      s10 = hn::MulAdd(a1, b0, s10);
      s11 = hn::MulAdd(a1, b1, s11);
      s20 = hn::MulAdd(a2, b0, s20);
      s21 = hn::MulAdd(a2, b1, s21);
      s30 = hn::MulAdd(a3, b0, s30);
      s31 = hn::MulAdd(a3, b1, s31);
    }
    hn::StoreU(s00, d, out);
    hn::StoreU(s01, d, out + width);
    hn::StoreU(s10, d, out + kExactColumns);
    hn::StoreU(s11, d, out + kExactColumns + width);
    hn::StoreU(s20, d, out + 2 * kExactColumns);
    hn::StoreU(s21, d, out + 2 * kExactColumns + width);
    hn::StoreU(s30, d, out + 3 * kExactColumns);
    hn::StoreU(s31, d, out + 3 * kExactColumns + width);
  }
}

}  // namespace gradpath::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::kernels {

HWY_EXPORT(rounded);
HWY_EXPORT(add);
HWY_EXPORT(fused);
HWY_EXPORT(fp32);
HWY_EXPORT(fp64);

bool covers_sum(const Format& format) {
  return format.is_signed && format.has_zero && format.has_subnormals && format.mantissa_bits > 0;
}

SumConstants sum_constants(const Format& format) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double largest = max_finite(format);
  const double without_infinity = format.has_nan() ? nan : largest;
  return {.min_power = std::ldexp(1.0, format.min_exponent()),
          .magic = std::ldexp(1.5, 52 - format.mantissa_bits),
          .max_finite = largest,
          .overflow = format.has_infinity() ? infinity : without_infinity,
          .plus = format.has_negative_zero() ? -0.0 : 0.0};
}

void accumulate_rounded(const SumConstants& constants, const double* a, const MacPanel& panel,
                        std::size_t count, std::size_t columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(rounded)(constants, a, panel, count, columns, sums);
}

void add_rounded(const SumConstants& constants, const double* addends, std::size_t columns,
                 double* sums) {
  HWY_DYNAMIC_DISPATCH(add)(constants, addends, columns, sums);
}

void accumulate_fused(const FusedGroup& fused_group, const double* a, const double* a_exponents,
                      const MacPanel& panel, std::size_t count, std::size_t columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(fused)(fused_group, a, a_exponents, panel, count, columns, sums);
}

void accumulate_fp32(const float* a, const std::uint32_t* offsets, std::size_t count,
                     const float* strip, float* sums) {
  HWY_DYNAMIC_DISPATCH(fp32)(a, offsets, count, strip, sums);
}

void accumulate_fp64(const float* a, const float* strip, std::size_t count, double* sums) {
  HWY_DYNAMIC_DISPATCH(fp64)(a, strip, count, sums);
}

}  // namespace gradpath::kernels
#endif
