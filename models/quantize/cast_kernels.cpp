// The vector form of the cast, compiled once per instruction set and chosen at run time. One
// integer algorithm serves every rounding, random source and output; it is `rounded_place`
// written for lanes, and tests hold the two equal on every target the machine has.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/quantize/cast_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/format/fp32.hpp"
#include "models/quantize/cast_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Mode = Rounding::Mode;
// Four vectors are at most a block of CounterRandom.
using DU = hn::CappedTag<std::uint32_t, CounterRandom::kBlock / 4>;
using DF = hn::Rebind<float, DU>;
using VU = hn::Vec<DU>;
using VF = hn::Vec<DF>;

HWY_INLINE VU ones() { return hn::Set(DU(), ~0u); }

constexpr std::size_t kBlock = CounterRandom::kBlock;

constexpr std::array<std::uint32_t, kBlock> make_spread_places() {
  std::array<std::uint32_t, kBlock> places{};
  for (std::uint32_t place = 0; place < kBlock; ++place) {
    places[place] = CounterRandom::spread(place);
  }
  return places;
}
alignas(64) constexpr std::array<std::uint32_t, kBlock> kSpreadPlaces = make_spread_places();

// CounterRandom::mix for a vector of places from `place` on.
HWY_INLINE VU counter_words(std::size_t place, CounterRandom::Keys keys) {
  const DU d;
  auto h = hn::Xor(hn::Load(d, kSpreadPlaces.data() + place), hn::Set(d, keys.offset));
  h = hn::Mul(h, hn::Set(d, keys.factor));
  h = hn::Xor(h, hn::ShiftRight<16>(h));
  return hn::Mul(h, hn::Set(d, 0x846ca68bu));
}

// Truncates values in int32's range; Highway's ConvertTo would also mend those beyond it.
HWY_INLINE VU truncate(VF value) {
#if HWY_TARGET == HWY_AVX3
  return VU{_mm512_cvttps_epi32(value.raw)};
#else
  return hn::BitCast(DU(), hn::ConvertTo(hn::RebindToSigned<DU>(), value));
#endif
}

// The constants of a cast, spread over lanes once per run.
struct Lanes {
  Lanes(const CastConstants& c, bool is_narrow)
      : bias(is_narrow ? c.min_field << c.mantissa_bits : 0),
        min_field(hn::Set(DU(), c.min_field)),
        max_biased(hn::Set(DU(), c.max_magnitude + bias)),
        sign_mask(hn::Set(DU(), c.sign_mask)),
        normal_shift(
            hn::Set(DU(), static_cast<std::uint32_t>(fp32::kFractionBits - c.mantissa_bits))),
        min_bits(hn::Set(DU(), c.min_field << fp32::kFractionBits)),
        clamp_bits(hn::Set(DU(), c.clamp_bits)),
        mantissa_bits(c.mantissa_bits),
        magnitude_bits(c.magnitude_bits),
        random_bits(c.rounding.random_bits),
        constants(c) {}
  std::uint32_t bias;  // of Rounded::biased
  VU min_field, max_biased, sign_mask, normal_shift, min_bits, clamp_bits;
  int mantissa_bits, magnitude_bits, random_bits;
  CastConstants constants;  // a copy: stores of bytes may alias what is behind a reference
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
  const auto wide = hn::ShiftLeftSame(magnitude, fp32::kFractionBits - lanes.mantissa_bits);
  const auto implicit_one = hn::Set(d, 1u << fp32::kFractionBits);
  const auto normal = hn::Add(wide, hn::Sub(lanes.min_bits, implicit_one));
  // A subnormal is (1.f - 1) at the smallest normal exponent; the subtraction is exact.
  const auto subnormal =
      hn::Sub(hn::BitCast(df, hn::Or(wide, lanes.min_bits)), hn::BitCast(df, lanes.min_bits));
  return hn::IfThenElse(hn::RebindMask(df, hn::Lt(wide, implicit_one)), subnormal,
                        hn::BitCast(df, normal));
}

// A rounded magnitude: its code plus Lanes::bias, past the largest finite if it overflows, and its
// value, which means nothing then. The compiler drops the one a sink does not use.
struct Rounded {
  VU biased;
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
  const auto field = hn::Max(hn::ShiftRight<fp32::kFractionBits>(magnitude_bits), one);
  const auto significand =
      hn::Sub(magnitude_bits, hn::ShiftLeft<fp32::kFractionBits>(hn::Sub(field, one)));
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
      static_assert(kMode == Mode::sr, "a rounding that the vector code lacks");
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
  const auto base = hn::ShiftRightSame(binade, fp32::kFractionBits - lanes.mantissa_bits);
  const auto a = hn::BitCast(df, clamped);
  if constexpr (kMode == Mode::rne) {
    const auto shifter = hn::Add(binade, hn::ShiftLeft<fp32::kFractionBits>(lanes.normal_shift));
    const auto sum = hn::Add(a, hn::BitCast(df, shifter));
    const auto quanta = hn::Sub(hn::BitCast(d, sum), shifter);
    return {hn::Add(base, quanta), hn::Sub(sum, hn::BitCast(df, shifter))};
  } else {
    static_assert(kMode == Mode::sr || kMode == Mode::sru, "a rounding that has no narrow form");
    const hn::RebindToSigned<DU> di;
    const int bias = 127;
    const auto random_bits = static_cast<std::uint32_t>(lanes.random_bits);
    const auto mantissa_bits = static_cast<std::uint32_t>(lanes.mantissa_bits);
    // a in units of 2^-R quanta: conversion cuts what is below them, or rounds it to even.
    const auto to_units = hn::Sub(
        hn::Set(d, (2 * bias + random_bits + mantissa_bits) << fp32::kFractionBits), binade);
    const auto scaled = hn::Mul(a, hn::BitCast(df, to_units));
    const auto units =
        kMode == Mode::sr ? truncate(scaled) : hn::BitCast(d, hn::NearestInt(scaled));
    const auto u = hn::ShiftRightSame(words, 32 - lanes.random_bits);
    const auto quanta = hn::ShiftRightSame(hn::Add(units, u), lanes.random_bits);
    const auto quantum = hn::Sub(binade, hn::Set(d, mantissa_bits << fp32::kFractionBits));
    return {hn::Add(base, quanta),
            hn::Mul(hn::ConvertTo(df, hn::BitCast(di, quanta)), hn::BitCast(df, quantum))};
  }
}

HWY_INLINE VU flush_input(VU bits) {
  const DU d;
  const auto a = absolute(bits);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0x00800000u)), hn::Xor(bits, a), bits);
}

HWY_INLINE Rounded flush_output(const Lanes& lanes, const Rounded& rounded) {
  const DU d;
  const auto below = hn::Lt(rounded.biased, hn::Set(d, lanes.constants.min_normal + lanes.bias));
  return {hn::IfThenElse(below, hn::Set(d, lanes.bias), rounded.biased),
          hn::IfThenZeroElse(hn::RebindMask(DF(), below), rounded.value)};
}

// The code of a rounded magnitude: the sign, then what is rare: overflow, infinities, NaNs.
// Infinities and NaNs are among the overflows: a format covered has no exponent as large as theirs.
// `bits`: the input. Sets saw_nan.
HWY_INLINE VU finish_code(const Lanes& lanes, VU bits, VU biased, bool& saw_nan) {
  const DU d;
  const auto magnitude = hn::Sub(biased, hn::Set(d, lanes.bias));
  auto sign = hn::ShiftRightSame(bits, 31 - lanes.magnitude_bits);
  if (lanes.constants.negative_zero == 0) {
    sign = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(d)), sign);
  }
  auto code = hn::OrAnd(magnitude, sign, lanes.sign_mask);
  const auto overflows = hn::Gt(biased, lanes.max_biased);
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
  const auto beyond = hn::Gt(magnitude, hn::Set(d, lanes.constants.max_magnitude));
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

// Vectors of inputs and what became of them: as many as a sink stores at a time.
template <std::size_t kCount>
struct Group {
  VU bits[kCount];
  Rounded rounded[kCount];
};

template <class CodeT>
struct CodeSink {
  using Out = CodeT;
  static constexpr std::size_t kVectors = sizeof(CodeT) == 1 ? 4 : 1;  // to a vector of codes
  using Inputs = Group<kVectors>;

  HWY_INLINE void store(const Lanes& lanes, const Inputs& group, bool stream, bool& saw_nan,
                        CodeT* out) const {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (sizeof(CodeT) == 1) {
      if (HWY_LIKELY(store_packed(lanes, group, stream, out))) return;
    }
#endif
    const DU d;
    const hn::Rebind<CodeT, DU> narrow;
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto code = finish_code(lanes, group.bits[v], group.rounded[v].biased, saw_nan);
      const auto codes = hn::DemoteTo(narrow, hn::BitCast(hn::RebindToSigned<DU>(), code));
      put(stream, codes, narrow, out + v * hn::Lanes(d));
    }
  }

#if HWY_TARGET != HWY_SCALAR  // which has no vectors to pack
 private:
  // Signs and checks on packed magnitudes, which fit 16 bits as the code has at most 8; false,
  // and nothing stored, if any overflows.
  HWY_INLINE bool store_packed(const Lanes& lanes, const Inputs& group, bool stream,
                               CodeT* out) const {
    const hn::Repartition<std::uint16_t, DU> d16;
    const hn::Repartition<std::uint8_t, DU> d8;
    const auto half = [&](std::size_t v) HWY_ATTR __attribute__((always_inline)) {
      return hn::ConcatEven(d16, hn::BitCast(d16, group.rounded[v + 1].biased),
                            hn::BitCast(d16, group.rounded[v].biased));
    };
    const auto low = half(0);
    const auto high = half(2);
    const auto max_biased = static_cast<std::uint16_t>(lanes.constants.max_magnitude + lanes.bias);
    if (HWY_UNLIKELY(!hn::AllFalse(d16, hn::Gt(hn::Max(low, high), hn::Set(d16, max_biased))))) {
      return false;
    }
    const auto bias = hn::Set(d16, static_cast<std::uint16_t>(lanes.bias));
    const auto sign_mask = hn::Set(d16, static_cast<std::uint16_t>(lanes.constants.sign_mask));
    const auto with_sign = [&](auto biased, std::size_t v) HWY_ATTR __attribute__((always_inline)) {
      const auto upper =
          hn::ConcatOdd(d16, hn::BitCast(d16, group.bits[v + 1]), hn::BitCast(d16, group.bits[v]));
      auto sign = hn::ShiftRightSame(upper, 15 - lanes.magnitude_bits);
      if (lanes.constants.negative_zero == 0) {
        sign = hn::IfThenZeroElse(hn::Eq(biased, bias), sign);
      }
      return hn::BitCast(d8, hn::OrAnd(hn::Sub(biased, bias), sign, sign_mask));
    };
    put(stream, hn::ConcatEven(d8, with_sign(high, 2), with_sign(low, 0)), d8, out);
    return true;
  }
#endif
};

// Values, times the reciprocal of the scale where that is exact, else divided.
struct ValueSink {
  using Out = float;
  static constexpr std::size_t kVectors = 1;
  using Inputs = Group<kVectors>;

  explicit ValueSink(float scale)
      : multiplies(has_exact_reciprocal(scale)), factor(multiplies ? 1.0f / scale : scale) {}

  HWY_INLINE void store_value(VF value, bool stream, float* out) const {
    const DF df;
    const auto by = hn::Set(df, factor);
    put(stream, multiplies ? hn::Mul(value, by) : hn::Div(value, by), df, out);
  }
  HWY_INLINE void store(const Lanes& lanes, const Inputs& group, bool stream, bool& saw_nan,
                        float* out) const {
    const auto bits = group.bits[0];
    const auto& rounded = group.rounded[0];
    const DU d;
    const DF df;
    auto sign = bits;
    if (lanes.constants.negative_zero == 0) {
      sign = hn::IfThenZeroElse(hn::Eq(rounded.biased, hn::Set(d, lanes.bias)), sign);
    }
    const auto sign_bit = hn::Set(d, 0x80000000u);
    auto value = hn::BitCast(df, hn::OrAnd(hn::BitCast(d, rounded.value), sign, sign_bit));
    if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Gt(rounded.biased, lanes.max_biased)))) {
      value = decode(lanes, finish_code(lanes, bits, rounded.biased, saw_nan));
    }
    store_value(value, stream, out);
  }

 private:
  bool multiplies;
  float factor;
};

// Outputs beyond this many bytes would push everything else out of the caches.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;
constexpr std::size_t kLineBytes = 64;

template <class T>
bool is_large(std::size_t count) {
  return count * sizeof(T) >= kStreamBytes;
}

// Elements from `out` to the next whole line of the cache.
template <class T>
std::size_t to_next_line(const T* out) {
  return (0 - reinterpret_cast<std::uintptr_t>(out)) % kLineBytes / sizeof(T);
}

template <class T>
bool may_stream(const T* out, std::size_t count) {
  return is_large<T>(count) && to_next_line(out) == 0;
}

// Copies past the caches what fills whole lines of `to`, the first of which begins at `lead`.
template <class T>
HWY_INLINE void copy_lines(const T* HWY_RESTRICT from, std::size_t count, std::size_t lead,
                           T* HWY_RESTRICT to) {
  const hn::CappedTag<T, kLineBytes / sizeof(T)> d;
  const std::size_t tail = (count - lead) % hn::Lanes(d);
  std::copy_n(from, lead, to);
  for (std::size_t at = lead; at < count - tail; at += hn::Lanes(d)) {
    hn::Stream(hn::LoadU(d, from + at), d, to + at);
  }
  std::copy_n(from + count - tail, tail, to + count - tail);
}

// Casts row by row: kBlock elements that are a block of CounterRandom, or, if none is asked, begin
// at a multiple of kBlock elements in memory, so that they can be written past the caches.
template <Mode kMode, bool kNarrow, class Sink>
bool run_mode(const CastConstants constants, const CastRun run, const Sink sink,
              typename Sink::Out* HWY_RESTRICT out) {
  using Out = typename Sink::Out;
  constexpr bool kStochastic = Rounding{kMode}.is_stochastic();
  const DU d;
  const DF df;
  const Lanes lanes(constants, kNarrow);
  const auto scale = hn::Set(df, run.scale);
  const std::size_t width = hn::Lanes(d);
  bool saw_nan = false;

  // Random words: those given, or those of a block of CounterRandom with these keys.
  const auto cast_row = [&](const float* in, const std::uint32_t* words, CounterRandom::Keys keys,
                            bool stream, Out* to) HWY_ATTR __attribute__((always_inline)) {
    for (std::size_t at = 0; at < kBlock; at += Sink::kVectors * width) {
      typename Sink::Inputs group;
#pragma GCC unroll 4
      for (std::size_t v = 0; v < Sink::kVectors; ++v) {
        const std::size_t place = at + v * width;
        auto bits = hn::BitCast(d, hn::Mul(hn::LoadU(df, in + place), scale));
        if (HWY_UNLIKELY(constants.flushes_input)) bits = flush_input(bits);
        auto random = hn::Zero(d);
        if constexpr (kStochastic) {
          random = words == nullptr ? counter_words(place, keys) : hn::LoadU(d, words + place);
        }
        Rounded rounded;
        if constexpr (kNarrow) {
          rounded = round_narrow<kMode>(lanes, bits, random);
        } else {
          rounded = round_integer<kMode>(lanes, bits, random);
        }
        if (HWY_UNLIKELY(constants.min_normal != 0)) rounded = flush_output(lanes, rounded);
        group.bits[v] = bits;
        group.rounded[v] = rounded;
      }
      sink.store(lanes, group, stream, saw_nan, to + at);
    }
  };
  const bool hashes = kStochastic && run.words == nullptr;
  // A part of a row goes through buffers; `place`: where its first element is in the row.
  const auto cast_part = [&](std::size_t place, std::size_t begin, std::size_t count) HWY_ATTR {
    HWY_ALIGN float in[kBlock] = {};
    HWY_ALIGN std::uint32_t words[kBlock] = {};
    HWY_ALIGN Out results[kBlock];
    std::copy(run.in + begin, run.in + begin + count, in + place);
    if (hashes) {
      run.random.fill(run.first_index + begin, std::span(words + place, count));
    } else if (run.words != nullptr) {
      std::copy(run.words + begin, run.words + begin + count, words + place);
    }
    cast_row(in, words, {}, false, results);
    std::copy(results + place, results + place + count, out + begin);
  };

  std::size_t i = 0;
  const std::uint64_t origin =
      hashes ? run.first_index : reinterpret_cast<std::uintptr_t>(out) / sizeof(Out);
  if (const std::size_t place = origin % kBlock; place != 0) {
    i = std::min(kBlock - place, run.count);
    cast_part(place, 0, i);
  }
  std::uint64_t block = (run.first_index + i) / kBlock;
  const auto cast_rows = [&](std::size_t rows, bool stream, Out* to) HWY_ATTR {
    for (; rows > 0; --rows, i += kBlock, to += kBlock) {
      const auto keys = hashes ? run.random.keys(block++) : CounterRandom::Keys{};
      cast_row(run.in + i, run.words != nullptr ? run.words + i : nullptr, keys, stream, to);
    }
  };
  const bool stream = may_stream(out + i, run.count - i);
  const bool staged = hashes && !stream && is_large<Out>(run.count - i);
  if (staged) {
    // Blocks that lie across the lines of memory: to a buffer, and from there by whole lines.
    constexpr std::size_t kStaged = 8192 / sizeof(Out);
    HWY_ALIGN Out buffer[kStaged];
    const std::size_t lead = to_next_line(out + i);
    while (i + kBlock <= run.count) {
      Out* const to = out + i;
      const std::size_t count = std::min(kStaged, (run.count - i) / kBlock * kBlock);
      cast_rows(count / kBlock, false, buffer);
      copy_lines(buffer, count, lead, to);
    }
  } else {
    cast_rows((run.count - i) / kBlock, stream, out + i);
  }
  if (i < run.count) cast_part(0, i, run.count - i);
  if (stream || staged) hwy::FlushStream();
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

template <class CodeT>
void decode_run(const CastConstants& constants, const CodeT* HWY_RESTRICT codes, std::size_t count,
                float scale, float* HWY_RESTRICT out) {
  const DU d;
  const hn::Rebind<CodeT, DU> narrow;
  const Lanes lanes(constants, false);
  const std::size_t width = hn::Lanes(d);
  const ValueSink sink(scale);
  const auto decode_some = [&](std::size_t begin, std::size_t some) HWY_ATTR {
    HWY_ALIGN CodeT in[hn::MaxLanes(DU())] = {};
    HWY_ALIGN float results[hn::MaxLanes(DF())] = {};
    std::copy(codes + begin, codes + begin + some, in);
    sink.store_value(decode(lanes, hn::PromoteTo(d, hn::LoadU(narrow, in))), false, results);
    std::copy(results, results + some, out + begin);
  };
  const std::size_t place = reinterpret_cast<std::uintptr_t>(out) / sizeof(float) % width;
  std::size_t i = 0;
  if (place != 0) {
    i = std::min(width - place, count);
    decode_some(0, i);
  }
  const bool stream = may_stream(out + i, count - i);
  for (; i + width <= count; i += width) {
    sink.store_value(decode(lanes, hn::PromoteTo(d, hn::LoadU(narrow, codes + i))), stream,
                     out + i);
  }
  if (i < count) decode_some(i, count - i);
  if (stream) hwy::FlushStream();
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
