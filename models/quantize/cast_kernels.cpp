// The vector form of the cast, compiled once per instruction set and chosen at run time. One
// integer algorithm serves every rounding, random source and output; it is `Quantizer::magnitude`
// written for lanes, and tests hold the two equal on every target the machine has.
#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/quantize/cast_kernels.cpp"
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
HWY_INLINE VU counter_words(std::uint32_t index, std::uint32_t key0, std::uint32_t key1) {
  const DU d;
  auto h = hn::Xor(hn::Iota(d, index), hn::Set(d, key0));
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
        mantissa_bits(c.mantissa_bits),
        magnitude_bits(c.magnitude_bits),
        random_bits(c.rounding.random_bits),
        constants(c) {}
  VU min_field, max_magnitude, sign_mask, normal_shift;
  int mantissa_bits, magnitude_bits, random_bits;
  const CastConstants& constants;
};

HWY_INLINE VU select_by_sign(const std::uint32_t (&codes)[2], hn::Mask<DU> negative) {
  const DU d;
  return hn::IfThenElse(negative, hn::Set(d, codes[1]), hn::Set(d, codes[0]));
}

// Codes of one vector of fp32 bits.
template <Mode kMode>
HWY_INLINE VU encode(const Lanes& lanes, VU bits, VU words) {
  const DU d;
  const auto one = hn::Set(d, 1);
  const auto magnitude_bits = hn::And(bits, hn::Set(d, 0x7fffffffu));
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

  // Signs, then what is rare: overflow, infinities, NaNs.
  const auto sign = hn::And(hn::ShiftRightSame(bits, 31 - lanes.magnitude_bits), lanes.sign_mask);
  const auto zero = hn::Eq(magnitude, hn::Zero(d));
  auto code =
      hn::Or(magnitude,
             hn::IfThenElse(zero, hn::And(sign, hn::Set(d, lanes.constants.negative_zero)), sign));
  const auto infinity = hn::Set(d, 0x7f800000u);
  const auto largest_float = hn::Set(d, 0x7f7fffffu);
  const auto rare =
      hn::Or(hn::Gt(magnitude, lanes.max_magnitude), hn::Gt(magnitude_bits, largest_float));
  if (HWY_UNLIKELY(!hn::AllFalse(d, rare))) {
    code = hn::IfThenElse(hn::Gt(magnitude, lanes.max_magnitude),
                          select_by_sign(lanes.constants.overflow, negative), code);
    code = hn::IfThenElse(hn::Eq(magnitude_bits, infinity),
                          select_by_sign(lanes.constants.infinity, negative), code);
    code = hn::IfThenElse(hn::Gt(magnitude_bits, infinity),
                          select_by_sign(lanes.constants.nan, negative), code);
  }
  return code;
}

// Values of one vector of codes.
HWY_INLINE VF decode(const Lanes& lanes, VU code) {
  const DU d;
  const DF df;
  const auto sign = hn::And(code, lanes.sign_mask);
  const auto magnitude = hn::Xor(code, sign);
  const auto min_bits = hn::ShiftLeft<kFractionBits>(lanes.min_field);
  const auto wide = hn::ShiftLeftSame(magnitude, kFractionBits - lanes.mantissa_bits);
  const auto implicit_one = hn::Set(d, 1u << kFractionBits);
  const auto normal = hn::Add(wide, hn::Sub(min_bits, implicit_one));
  // A subnormal is (1.f - 1) at the smallest normal exponent; the subtraction is exact.
  const auto subnormal =
      hn::BitCast(d, hn::Sub(hn::BitCast(df, hn::Or(wide, min_bits)), hn::BitCast(df, min_bits)));
  auto value = hn::IfThenElse(hn::Lt(wide, implicit_one), subnormal, normal);
  value = hn::Or(value, hn::ShiftLeftSame(sign, 31 - lanes.magnitude_bits));
  const auto beyond = hn::Gt(magnitude, lanes.max_magnitude);
  const auto nan_zero = hn::Eq(code, hn::Set(d, lanes.constants.nan_zero));
  const auto rare = hn::Or(beyond, nan_zero);
  if (HWY_UNLIKELY(!hn::AllFalse(d, rare))) {
    const auto is_infinity = hn::Eq(magnitude, hn::Set(d, lanes.constants.infinity_magnitude));
    const auto infinity =
        hn::Or(hn::Set(d, 0x7f800000u), hn::ShiftLeftSame(sign, 31 - lanes.magnitude_bits));
    value = hn::IfThenElse(hn::And(beyond, is_infinity), infinity, value);
    value = hn::IfThenElse(hn::Or(hn::AndNot(is_infinity, beyond), nan_zero),
                           hn::Set(d, 0x7fc00000u), value);
  }
  return hn::BitCast(df, value);
}

// Where a run's results go: codes narrowed, or values. `store` takes a whole vector.
template <class CodeT>
struct CodeSink {
  using Out = CodeT;
  HWY_INLINE void store(const Lanes&, VU code, CodeT* out) const {
    const hn::Rebind<CodeT, DU> narrow;
    hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(hn::RebindToSigned<DU>(), code)), narrow, out);
  }
};

struct ValueSink {
  using Out = float;
  explicit ValueSink(float scale_) : scale(scale_) {}
  HWY_INLINE void store(const Lanes& lanes, VU code, float* out) const {
    const DF df;
    hn::StoreU(hn::Div(decode(lanes, code), hn::Set(df, scale)), df, out);
  }
  float scale;
};

template <Mode kMode, class Sink>
bool run_mode(const CastConstants& constants, const CastRun& run, const Sink& sink,
              typename Sink::Out* HWY_RESTRICT out) {
  const DU d;
  const DF df;
  const Lanes lanes(constants);
  const auto scale = hn::Set(df, run.scale);
  const std::size_t width = hn::Lanes(d);
  auto nans = hn::Zero(d);

  const auto words_at = [&](std::size_t i, const std::uint32_t* words) {
    if constexpr (kMode != Mode::sr) return hn::Zero(d);
    if (words != nullptr) return hn::LoadU(d, words);
    return counter_words(run.first_index + static_cast<std::uint32_t>(i), run.key0, run.key1);
  };
  const auto one_vector = [&](const float* in, VU words) {
    const auto bits = hn::BitCast(d, hn::Mul(hn::LoadU(df, in), scale));
    nans = hn::Max(nans, hn::And(bits, hn::Set(d, 0x7fffffffu)));
    return encode<kMode>(lanes, bits, words);
  };

  std::size_t i = 0;
  for (; i + width <= run.count; i += width) {
    const auto words = words_at(i, run.words == nullptr ? nullptr : run.words + i);
    sink.store(lanes, one_vector(run.in + i, words), out + i);
  }
  if (i < run.count) {  // the last, partial vector goes through buffers
    HWY_ALIGN float in[hn::MaxLanes(DF())] = {};
    HWY_ALIGN std::uint32_t words[hn::MaxLanes(DU())] = {};
    typename Sink::Out results[hn::MaxLanes(DU())] = {};
    const std::size_t rest = run.count - i;
    for (std::size_t j = 0; j < rest; ++j) {
      in[j] = run.in[i + j];
      if (run.words != nullptr) words[j] = run.words[i + j];
    }
    sink.store(lanes, one_vector(in, words_at(i, run.words == nullptr ? nullptr : words)), results);
    std::copy(results, results + rest, out + i);
  }
  return hn::AllFalse(d, hn::Gt(nans, hn::Set(d, 0x7f800000u))) || !constants.nan_is_error;
}

template <class Sink>
bool run_any(const CastConstants& constants, const CastRun& run, const Sink& sink,
             typename Sink::Out* out) {
  switch (constants.rounding.mode) {
    case Mode::rne:
      return run_mode<Mode::rne>(constants, run, sink, out);
    case Mode::rna:
      return run_mode<Mode::rna>(constants, run, sink, out);
    case Mode::rtz:
      return run_mode<Mode::rtz>(constants, run, sink, out);
    case Mode::rup:
      return run_mode<Mode::rup>(constants, run, sink, out);
    case Mode::rdn:
      return run_mode<Mode::rdn>(constants, run, sink, out);
    case Mode::rto:
      return run_mode<Mode::rto>(constants, run, sink, out);
    case Mode::sr:
      break;
  }
  return run_mode<Mode::sr>(constants, run, sink, out);
}

template <class CodeT>
void decode_run(const CastConstants& constants, const CodeT* HWY_RESTRICT codes, std::size_t count,
                float scale, float* HWY_RESTRICT out) {
  const DU d;
  const hn::Rebind<CodeT, DU> narrow;
  const Lanes lanes(constants);
  const ValueSink sink(scale);
  const std::size_t width = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + width <= count; i += width) {
    sink.store(lanes, hn::PromoteTo(d, hn::LoadU(narrow, codes + i)), out + i);
  }
  if (i == count) return;
  CodeT in[hn::MaxLanes(DU())] = {};
  float results[hn::MaxLanes(DF())] = {};
  std::copy(codes + i, codes + count, in);
  sink.store(lanes, hn::PromoteTo(d, hn::LoadU(narrow, in)), results);
  std::copy(results, results + (count - i), out + i);
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
  return run_any(constants, run, CodeSink<std::uint8_t>(), out);
}
bool codes16(const CastConstants& constants, const CastRun& run, std::uint16_t* out) {
  return run_any(constants, run, CodeSink<std::uint16_t>(), out);
}
bool values(const CastConstants& constants, const CastRun& run, float* out) {
  return run_any(constants, run, ValueSink(run.scale), out);
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
