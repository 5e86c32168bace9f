// The vector form of the cast, compiled once per instruction set and chosen at run time. One
// integer algorithm serves every rounding, random source and output; it is `Quantizer::magnitude`
// written for lanes, and tests hold the two equal on every target the machine has.
#include <algorithm>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/quantize/cast_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/quantize/cast_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Mode = Rounding::Mode;
using DU = hn::ScalableTag<std::uint32_t>;
using DF = hn::ScalableTag<float>;
using VU = hn::Vec<DU>;
using VF = hn::Vec<DF>;

constexpr int kFractionBits = 23;

HWY_INLINE VU ones() { return hn::Set(DU(), ~0u); }

// CounterRandom::mix for consecutive indices.
HWY_INLINE VU counter_words(VU lane_numbers, std::uint32_t index, std::uint32_t key0,
                            std::uint32_t key1) {
  const DU d;
  auto h = hn::Xor(hn::Add(lane_numbers, hn::Set(d, index)), hn::Set(d, key0));
  h = hn::Xor(h, hn::ShiftRight<16>(h));
  h = hn::Mul(h, hn::Set(d, 0x7feb352du));
  h = hn::Xor(h, hn::ShiftRight<15>(h));
  h = hn::Add(h, hn::Set(d, key1));
  h = hn::Mul(h, hn::Set(d, 0x846ca68bu));
  return hn::Xor(h, hn::ShiftRight<16>(h));
}

// The constants of a cast, spread over lanes once per run.
struct Lanes {
  explicit Lanes(const CastConstants& c)
      : min_field(hn::Set(DU(), c.min_field)),
        max_magnitude(hn::Set(DU(), c.max_magnitude)),
        sign_mask(hn::Set(DU(), c.sign_mask)),
        normal_shift(hn::Set(DU(), static_cast<std::uint32_t>(kFractionBits - c.mantissa_bits))),
        min_bits(hn::Set(DU(), c.min_field << kFractionBits)),
        clamp_bits(hn::Set(DU(), c.clamp_bits)),
        mantissa_bits(c.mantissa_bits),
        magnitude_bits(c.magnitude_bits),
        random_bits(c.rounding.random_bits),
        constants(c) {}
  VU min_field, max_magnitude, sign_mask, normal_shift, min_bits, clamp_bits;
  int mantissa_bits, magnitude_bits, random_bits;
  const CastConstants& constants;
};

HWY_INLINE VU select_by_sign(const std::uint32_t (&codes)[2], hn::Mask<DU> negative) {
  const DU d;
  return hn::IfThenElse(negative, hn::Set(d, codes[1]), hn::Set(d, codes[0]));
}

HWY_INLINE VU absolute(VU bits) { return hn::And(bits, hn::Set(DU(), 0x7fffffffu)); }

// |values| of magnitude codes up to the largest finite.
HWY_INLINE VF decode_magnitude(const Lanes& lanes, VU magnitude) {
  const DU d;
  const DF df;
  const auto wide = hn::ShiftLeftSame(magnitude, kFractionBits - lanes.mantissa_bits);
  const auto implicit_one = hn::Set(d, 1u << kFractionBits);
  const auto normal = hn::Add(wide, hn::Sub(lanes.min_bits, implicit_one));
  // A subnormal is (1.f - 1) at the smallest normal exponent; the subtraction is exact.
  const auto subnormal =
      hn::Sub(hn::BitCast(df, hn::Or(wide, lanes.min_bits)), hn::BitCast(df, lanes.min_bits));
  return hn::IfThenElse(hn::RebindMask(df, hn::Lt(wide, implicit_one)), subnormal,
                        hn::BitCast(df, normal));
}

// A rounded magnitude: its code, past the largest finite if it overflows, and its value, which
// means nothing then. The compiler drops the one a sink does not use.
struct Rounded {
  VU magnitude;
  VF value;
};

// Any rounding of any format covered, in integers.
template <Mode kMode>
HWY_INLINE Rounded round_integer(const Lanes& lanes, VU bits, VU words) {
  const DU d;
  const auto one = hn::Set(d, 1);
  const auto magnitude_bits = absolute(bits);
  const auto negative = hn::Ne(bits, magnitude_bits);

  // |x| = significand * 2^(field - 150); the quantum's exponent is that of the larger field.
  const auto field = hn::Max(hn::ShiftRight<kFractionBits>(magnitude_bits), one);
  const auto significand =
      hn::Sub(magnitude_bits, hn::ShiftLeft<kFractionBits>(hn::Sub(field, one)));
  const auto quantum_field = hn::Max(field, lanes.min_field);
  const auto base = hn::ShiftLeftSame(hn::Sub(quantum_field, lanes.min_field), lanes.mantissa_bits);
  // At least 7 places (covers() bounds the mantissa). 31 push the 24-bit significand below every
  // rounding decision but the stochastic one.
  const auto true_shift = hn::Add(lanes.normal_shift, hn::Sub(quantum_field, field));
  const auto shift = hn::Min(true_shift, hn::Set(d, 31));

  VU magnitude;
  if constexpr (kMode == Mode::rne || kMode == Mode::rna) {
    const auto half = hn::ShiftRight<1>(hn::Shl(one, shift));
    auto increment = half;
    if constexpr (kMode == Mode::rne) {
      const auto odd = hn::And(hn::Add(base, hn::Shr(significand, shift)), one);
      increment = hn::Sub(hn::Add(half, odd), one);
    }
    magnitude = hn::Add(base, hn::Shr(hn::Add(significand, increment), shift));
  } else {
    const auto floor = hn::Add(base, hn::Shr(significand, shift));
    const auto fraction = hn::AndNot(hn::Shl(ones(), shift), significand);
    const auto inexact = hn::Ne(fraction, hn::Zero(d));
    const auto step = hn::IfThenElseZero(inexact, one);
    if constexpr (kMode == Mode::rtz) {
      magnitude = floor;
    } else if constexpr (kMode == Mode::rup) {
      magnitude = hn::Add(floor, hn::IfThenZeroElse(negative, step));
    } else if constexpr (kMode == Mode::rdn) {
      magnitude = hn::Add(floor, hn::IfThenElseZero(negative, step));
    } else if constexpr (kMode == Mode::rto) {
      magnitude = hn::Or(floor, step);
    } else {
      // The fraction aligned to the top of 32 bits; both it and the word cut to R bits; the carry
      // out of their sum decides.
      const auto width = hn::Set(d, 32);
      const auto beyond = hn::Sub(hn::Max(true_shift, width), width);
      const auto aligned = hn::IfThenElse(
          hn::Gt(true_shift, width), hn::Shr(significand, hn::Min(beyond, hn::Set(d, 31))),
          hn::Shl(fraction, hn::Sub(width, hn::Min(true_shift, width))));
      const auto top = hn::ShiftLeftSame(ones(), 32 - lanes.random_bits);
      const auto cut = hn::And(aligned, top);
      const auto sum = hn::Add(cut, hn::And(words, top));
      magnitude = hn::Add(floor, hn::IfThenElseZero(hn::Lt(sum, cut), one));
    }
  }
  return {magnitude, decode_magnitude(lanes, magnitude)};
}

// Nearest-even and stochastic rounding of narrow formats (CastConstants::is_narrow), by two facts
// of fp32 arithmetic: adding 2^23 quanta rounds to a quantum (to even, as the hardware adds), and
// conversion to integer truncates.
template <Mode kMode>
HWY_INLINE Rounded round_narrow(const Lanes& lanes, VU bits, VU words) {
  const DU d;
  const DF df;
  const auto clamped = hn::Min(absolute(bits), lanes.clamp_bits);
  const auto binade = hn::Max(hn::And(clamped, hn::Set(d, 0x7f800000u)), lanes.min_bits);
  const auto base =
      hn::ShiftRightSame(hn::Sub(binade, lanes.min_bits), kFractionBits - lanes.mantissa_bits);
  const auto a = hn::BitCast(df, clamped);
  if constexpr (kMode == Mode::rne) {
    const auto shifter = hn::Add(binade, hn::ShiftLeft<kFractionBits>(lanes.normal_shift));
    const auto sum = hn::Add(a, hn::BitCast(df, shifter));
    const auto quanta = hn::Sub(hn::BitCast(d, sum), shifter);
    return {hn::Add(base, quanta), hn::Sub(sum, hn::BitCast(df, shifter))};
  } else {
    const hn::RebindToSigned<DU> di;
    const int bias = 127;
    const auto random_bits = static_cast<std::uint32_t>(lanes.random_bits);
    const auto mantissa_bits = static_cast<std::uint32_t>(lanes.mantissa_bits);
    // a in units of 2^-R quanta: conversion cuts what is below them, or rounds it to even.
    const auto to_units =
        hn::Sub(hn::Set(d, (2 * bias + random_bits + mantissa_bits) << kFractionBits), binade);
    const auto scaled = hn::Mul(a, hn::BitCast(df, to_units));
    const auto units =
        hn::BitCast(d, kMode == Mode::sr ? hn::ConvertTo(di, scaled) : hn::NearestInt(scaled));
    const auto u = hn::ShiftRightSame(words, 32 - lanes.random_bits);
    const auto quanta = hn::ShiftRightSame(hn::Add(units, u), lanes.random_bits);
    const auto quantum = hn::Sub(binade, hn::Set(d, mantissa_bits << kFractionBits));
    return {hn::Add(base, quanta),
            hn::Mul(hn::ConvertTo(df, hn::BitCast(di, quanta)), hn::BitCast(df, quantum))};
  }
}

HWY_INLINE VU flush_input(VU bits) {
  const DU d;
  const auto a = absolute(bits);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0x00800000u)), hn::Xor(bits, a), bits);
}

HWY_INLINE Rounded flush_output(const Rounded& rounded, const CastConstants& constants) {
  const DU d;
  const auto below = hn::Lt(rounded.magnitude, hn::Set(d, constants.min_normal));
  return {hn::IfThenZeroElse(below, rounded.magnitude),
          hn::IfThenZeroElse(hn::RebindMask(DF(), below), rounded.value)};
}

// The code of a rounded magnitude: the sign, then what is rare: overflow, infinities, NaNs.
// Infinities and NaNs are among the overflows: a format covered has no exponent as large as theirs.
// `bits`: the input. Sets saw_nan.
HWY_INLINE VU finish_code(const Lanes& lanes, VU bits, VU magnitude, bool& saw_nan) {
  const DU d;
  auto sign = hn::ShiftRightSame(bits, 31 - lanes.magnitude_bits);
  if (lanes.constants.negative_zero == 0) {
    sign = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(d)), sign);
  }
  auto code = hn::OrAnd(magnitude, sign, lanes.sign_mask);
  const auto overflows = hn::Gt(magnitude, lanes.max_magnitude);
  if (HWY_UNLIKELY(!hn::AllFalse(d, overflows))) {
    const auto infinity = hn::Set(d, 0x7f800000u);
    const auto a = absolute(bits);
    const auto negative = hn::Ne(bits, a);
    const auto is_nan = hn::Gt(a, infinity);
    code = hn::IfThenElse(overflows, select_by_sign(lanes.constants.overflow, negative), code);
    code = hn::IfThenElse(hn::Eq(a, infinity), select_by_sign(lanes.constants.infinity, negative),
                          code);
    code = hn::IfThenElse(is_nan, select_by_sign(lanes.constants.nan, negative), code);
    saw_nan = saw_nan || !hn::AllFalse(d, is_nan);
  }
  return code;
}

// Values of any codes.
HWY_INLINE VF decode(const Lanes& lanes, VU code) {
  const DU d;
  const DF df;
  const auto sign = hn::And(code, lanes.sign_mask);
  const auto magnitude = hn::Xor(code, sign);
  const auto sign_bit = hn::ShiftLeftSame(sign, 31 - lanes.magnitude_bits);
  auto value = hn::Or(hn::BitCast(d, decode_magnitude(lanes, magnitude)), sign_bit);
  const auto beyond = hn::Gt(magnitude, lanes.max_magnitude);
  const auto nan_zero = hn::Eq(code, hn::Set(d, lanes.constants.nan_zero));
  if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Or(beyond, nan_zero)))) {
    const auto is_infinity = hn::Eq(magnitude, hn::Set(d, lanes.constants.infinity_magnitude));
    const auto infinity = hn::Or(hn::Set(d, 0x7f800000u), sign_bit);
    value = hn::IfThenElse(is_infinity, infinity, value);
    value = hn::IfThenElse(hn::Or(hn::AndNot(is_infinity, beyond), nan_zero),
                           hn::Set(d, 0x7fc00000u), value);
  }
  return hn::BitCast(df, value);
}

// Where results go. Large outputs are written past the caches (`stream`): they would not be read
// from there again, and the line need not be fetched before it is overwritten.
template <class T, class V, class D>
HWY_INLINE void put(bool stream, V v, D d, T* out) {
  if (stream) {
    hn::Stream(v, d, out);
  } else {
    hn::StoreU(v, d, out);
  }
}

template <class CodeT>
struct CodeSink {
  using Out = CodeT;
  HWY_INLINE void store(const Lanes& lanes, VU bits, const Rounded& rounded, bool& saw_nan,
                        CodeT* out) const {
    const hn::Rebind<CodeT, DU> narrow;
    const auto code = finish_code(lanes, bits, rounded.magnitude, saw_nan);
    const auto codes = hn::DemoteTo(narrow, hn::BitCast(hn::RebindToSigned<DU>(), code));
    put(stream, codes, narrow, out);
  }
  bool stream;
};

// Values, times the reciprocal of the scale where that is exact, else divided.
struct ValueSink {
  using Out = float;
  ValueSink(float scale, bool stream_)
      : stream(stream_),
        multiplies(has_exact_reciprocal(scale)),
        factor(multiplies ? 1.0f / scale : scale) {}

  HWY_INLINE void store_value(VF value, float* out) const {
    const DF df;
    const auto by = hn::Set(df, factor);
    put(stream, multiplies ? hn::Mul(value, by) : hn::Div(value, by), df, out);
  }
  HWY_INLINE void store(const Lanes& lanes, VU bits, const Rounded& rounded, bool& saw_nan,
                        float* out) const {
    const DU d;
    const DF df;
    auto sign = bits;
    if (lanes.constants.negative_zero == 0) {
      sign = hn::IfThenZeroElse(hn::Eq(rounded.magnitude, hn::Zero(d)), sign);
    }
    const auto sign_bit = hn::Set(d, 0x80000000u);
    auto value = hn::BitCast(df, hn::OrAnd(hn::BitCast(d, rounded.value), sign, sign_bit));
    if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Gt(rounded.magnitude, lanes.max_magnitude)))) {
      value = decode(lanes, finish_code(lanes, bits, rounded.magnitude, saw_nan));
    }
    store_value(value, out);
  }

  bool stream;
  bool multiplies;
  float factor;
};

template <Mode kMode, bool kNarrow, class Sink>
bool run_mode(const CastConstants& constants, const CastRun& run, const Sink& sink,
              typename Sink::Out* HWY_RESTRICT out) {
  const DU d;
  const DF df;
  const Lanes lanes(constants);
  const auto scale = hn::Set(df, run.scale);
  const auto lane_numbers = hn::Iota(d, 0);
  const std::size_t width = hn::Lanes(d);
  bool saw_nan = false;

  const auto cast_vector = [&](std::size_t i, const float* in, const std::uint32_t* words,
                               typename Sink::Out* to) HWY_ATTR __attribute__((always_inline)) {
    auto bits = hn::BitCast(d, hn::Mul(hn::LoadU(df, in), scale));
    if (HWY_UNLIKELY(constants.flushes_input)) bits = flush_input(bits);
    auto random = hn::Zero(d);
    if constexpr (kMode == Mode::sr || kMode == Mode::sru) {
      random = words != nullptr
                   ? hn::LoadU(d, words)
                   : counter_words(lane_numbers, run.first_index + static_cast<std::uint32_t>(i),
                                   run.key0, run.key1);
    }
    Rounded rounded;
    if constexpr (kNarrow) {
      rounded = round_narrow<kMode>(lanes, bits, random);
    } else {
      rounded = round_integer<kMode>(lanes, bits, random);
    }
    if (HWY_UNLIKELY(constants.min_normal != 0)) rounded = flush_output(rounded, constants);
    sink.store(lanes, bits, rounded, saw_nan, to);
  };
  // Fewer elements than a vector go through buffers.
  const auto cast_some = [&](std::size_t begin, std::size_t count) HWY_ATTR {
    HWY_ALIGN float in[hn::MaxLanes(DF())] = {};
    HWY_ALIGN std::uint32_t words[hn::MaxLanes(DU())] = {};
    HWY_ALIGN typename Sink::Out results[hn::MaxLanes(DU())] = {};
    std::copy(run.in + begin, run.in + begin + count, in);
    if (run.words != nullptr) std::copy(run.words + begin, run.words + begin + count, words);
    cast_vector(begin, in, run.words != nullptr ? words : nullptr, results);
    std::copy(results, results + count, out + begin);
  };

  const std::size_t vector_bytes = width * sizeof(typename Sink::Out);
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(out) % vector_bytes;
  std::size_t i = 0;
  if (misaligned != 0) {
    i = std::min((vector_bytes - misaligned) / sizeof(typename Sink::Out), run.count);
    cast_some(0, i);
  }
  for (; i + width <= run.count; i += width) {
    cast_vector(i, run.in + i, run.words != nullptr ? run.words + i : nullptr, out + i);
  }
  if (i < run.count) cast_some(i, run.count - i);
  if (sink.stream) hwy::FlushStream();
  return !saw_nan || !constants.nan_is_error;
}

template <class Sink>
bool run_any(const CastConstants& constants, const CastRun& run, const Sink& sink,
             typename Sink::Out* out) {
  switch (constants.rounding.mode) {
    case Mode::rne:
      return constants.is_narrow ? run_mode<Mode::rne, true>(constants, run, sink, out)
                                 : run_mode<Mode::rne, false>(constants, run, sink, out);
    case Mode::rna:
      return run_mode<Mode::rna, false>(constants, run, sink, out);
    case Mode::rtz:
      return run_mode<Mode::rtz, false>(constants, run, sink, out);
    case Mode::rup:
      return run_mode<Mode::rup, false>(constants, run, sink, out);
    case Mode::rdn:
      return run_mode<Mode::rdn, false>(constants, run, sink, out);
    case Mode::rto:
      return run_mode<Mode::rto, false>(constants, run, sink, out);
    case Mode::sru:
      return run_mode<Mode::sru, true>(constants, run, sink, out);
    case Mode::sr:
      break;
  }
  return constants.is_narrow ? run_mode<Mode::sr, true>(constants, run, sink, out)
                             : run_mode<Mode::sr, false>(constants, run, sink, out);
}

// Outputs beyond this many bytes would push everything else out of the caches.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;

template <class T>
bool streams(std::size_t count) {
  return count * sizeof(T) >= kStreamBytes;
}

template <class CodeT>
void decode_run(const CastConstants& constants, const CodeT* HWY_RESTRICT codes, std::size_t count,
                float scale, float* HWY_RESTRICT out) {
  const DU d;
  const hn::Rebind<CodeT, DU> narrow;
  const Lanes lanes(constants);
  const std::size_t width = hn::Lanes(d);
  const ValueSink sink(scale, streams<float>(count));
  const auto decode_some = [&](std::size_t begin, std::size_t some) HWY_ATTR {
    HWY_ALIGN CodeT in[hn::MaxLanes(DU())] = {};
    HWY_ALIGN float results[hn::MaxLanes(DF())] = {};
    std::copy(codes + begin, codes + begin + some, in);
    sink.store_value(decode(lanes, hn::PromoteTo(d, hn::LoadU(narrow, in))), results);
    std::copy(results, results + some, out + begin);
  };
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(out) % (width * sizeof(float));
  std::size_t i = 0;
  if (misaligned != 0) {
    i = std::min(width - misaligned / sizeof(float), count);
    decode_some(0, i);
  }
  for (; i + width <= count; i += width) {
    sink.store_value(decode(lanes, hn::PromoteTo(d, hn::LoadU(narrow, codes + i))), out + i);
  }
  if (i < count) decode_some(i, count - i);
  if (sink.stream) hwy::FlushStream();
}

void decode8(const CastConstants& constants, const std::uint8_t* codes, std::size_t count,
             float scale, float* out) {
  decode_run(constants, codes, count, scale, out);
}
void decode16(const CastConstants& constants, const std::uint16_t* codes, std::size_t count,
              float scale, float* out) {
  decode_run(constants, codes, count, scale, out);
}
bool codes8(const CastConstants& constants, const CastRun& run, std::uint8_t* out) {
  return run_any(constants, run, CodeSink<std::uint8_t>{streams<std::uint8_t>(run.count)}, out);
}
bool codes16(const CastConstants& constants, const CastRun& run, std::uint16_t* out) {
  return run_any(constants, run, CodeSink<std::uint16_t>{streams<std::uint16_t>(run.count)}, out);
}
bool values(const CastConstants& constants, const CastRun& run, float* out) {
  return run_any(constants, run, ValueSink(run.scale, streams<float>(run.count)), out);
}

}  // namespace gradpath::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::kernels {

HWY_EXPORT(decode8);
HWY_EXPORT(decode16);
HWY_EXPORT(codes8);
HWY_EXPORT(codes16);
HWY_EXPORT(values);

void decode_codes(const CastConstants& constants, const std::uint8_t* codes, std::size_t count,
                  float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(decode8)(constants, codes, count, scale, out);
}
void decode_codes(const CastConstants& constants, const std::uint16_t* codes, std::size_t count,
                  float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(decode16)(constants, codes, count, scale, out);
}
bool to_codes(const CastConstants& constants, const CastRun& run, std::uint8_t* out) {
  return HWY_DYNAMIC_DISPATCH(codes8)(constants, run, out);
}
bool to_codes(const CastConstants& constants, const CastRun& run, std::uint16_t* out) {
  return HWY_DYNAMIC_DISPATCH(codes16)(constants, run, out);
}
bool to_values(const CastConstants& constants, const CastRun& run, float* out) {
  return HWY_DYNAMIC_DISPATCH(values)(constants, run, out);
}

}  // namespace gradpath::kernels
#endif
