#include "models/quantize/quantizer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/fp32.hpp"
#include "models/quantize/cast_kernels.hpp"

namespace gradpath {
namespace {

constexpr int kTableBits = 16;  // formats up to this width decode by table

// Beyond this many places every fraction bit is below the rounding decision of any mode: 24
// significand bits, 32 random bits, and one.
constexpr int kMaxShift = 57;

bool nonzero(std::uint64_t bits) { return bits != 0; }

}  // namespace

Quantizer::Quantizer(const Format& format, const CastOptions& options)
    : format_(format),
      options_(options),
      min_exponent_(format.min_exponent()),
      max_magnitude_(format.max_finite_magnitude()) {
  if (kernels::covers(format, options))
    vector_constants_ =
        std::make_shared<const kernels::CastConstants>(kernels::cast_constants(format, options));
  if (format.bits() > kTableBits) return;
  values_.resize(format.code_count());
  for (Code code = 0; code < values_.size(); ++code) {
    values_[code] = static_cast<float>(decode(format, code));
  }
}

// The integer form of the definition, for finite non-NaN |x| and a format with subnormals: the
// significand is shifted to the format's quantum, and what falls off decides.
Code Quantizer::magnitude(std::uint32_t abs_bits, bool negative, std::uint32_t word) const {
  if (abs_bits == 0) return 0;
  // Normalised: there are formats that reach below fp32's normals.
  const fp32::Parts parts = fp32::split_normalised(abs_bits);
  const std::uint64_t significand = parts.significand;
  const int exponent = parts.exponent - fp32::kBias;
  const int mantissa_bits = format_.mantissa_bits;
  const int quantum_exponent = std::max(exponent, min_exponent_);
  const int shift =
      std::min(fp32::kFractionBits - mantissa_bits + (quantum_exponent - exponent), kMaxShift);
  const auto base = static_cast<std::uint64_t>(quantum_exponent + format_.bias - 1)
                    << mantissa_bits;
  std::uint64_t code = base + (significand >> shift);
  const std::uint64_t fraction = significand & ((std::uint64_t{1} << shift) - 1);
  if (fraction != 0) {
    const std::uint64_t half = std::uint64_t{1} << (shift - 1);
    bool up = false;
    if (!options_.rounding.is_stochastic()) {
      up = rounds_up(options_.rounding.mode, negative, nonzero(code & 1), fraction <=> half);
    } else {
      const int random_bits = options_.rounding.random_bits;
      const int cut = shift - random_bits;  // fraction bits below the R that take part
      std::uint64_t top = cut >= 0 ? fraction >> cut : fraction << -cut;
      if (options_.rounding.mode == Rounding::Mode::sru && cut > 0) {
        const std::uint64_t rest = fraction & ((std::uint64_t{1} << cut) - 1);
        const std::uint64_t middle = std::uint64_t{1} << (cut - 1);
        top += rest > middle || (rest == middle && nonzero(top & 1)) ? 1u : 0u;
      }
      const std::uint64_t u = word >> (32 - random_bits);
      up = nonzero((top + u) >> random_bits);
    }
    code += up ? 1 : 0;
  }
  // Any code past the largest finite overflows alike; the cap keeps it in 32 bits.
  return static_cast<Code>(std::min<std::uint64_t>(code, std::uint64_t{max_magnitude_} + 1));
}

Code Quantizer::code(float x, std::uint32_t random_word) const {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t abs_bits = bits & ~fp32::kSign;
  const bool negative = bits != abs_bits;
  const bool flushed = flushes_input(options_.flush) && abs_bits < fp32::kSmallestNormal;
  if (abs_bits >= fp32::kInfinity || !format_.has_subnormals || flushed ||
      (negative && !format_.is_signed)) {
    return encode(format_, options_, static_cast<double>(x), random_word);
  }
  Code rounded = magnitude(abs_bits, negative, random_word);
  if (rounded > max_magnitude_) {
    return encode(format_, options_, static_cast<double>(x), random_word);
  }
  if (flushes_output(options_.flush) && rounded >> format_.mantissa_bits == 0) rounded = 0;
  if (rounded == 0 && !format_.has_negative_zero()) return 0;
  return rounded | (negative ? format_.sign_mask() : 0);
}

float Quantizer::value(Code code) const {
  return values_.empty() ? static_cast<float>(decode(format_, code)) : values_[code];
}

namespace {

template <class Out>
void check_sizes(const Quantizer& quantizer, std::size_t in, std::span<Out> out) {
  if (in != out.size()) throw std::invalid_argument("cast: sizes of in and out differ");
  if (std::is_integral_v<Out> && quantizer.format().bits() > static_cast<int>(8 * sizeof(Out))) {
    throw std::invalid_argument("cast: codes of this format need a wider type");
  }
}

// One element at a time; also finds the element that the vector code only knows to exist.
template <class CodeT, class WordOf>
void cast_one_by_one(const Quantizer& quantizer, std::span<const float> in, std::span<CodeT> out,
                     float scale, std::uint64_t first_index, WordOf word_of) {
  std::size_t i = 0;
  try {
    for (; i < in.size(); ++i) {
      out[i] = static_cast<CodeT>(quantizer.code(in[i] * scale, word_of(i)));
    }
  } catch (const std::domain_error&) {
    throw UserError(
        fmt::format("element {} is NaN, which this format cannot hold; choose `nan` zero or "
                    "`nan` max, or a format with NaN",
                    first_index + i));
  }
}

template <class CodeT>
constexpr bool kHasVectorCode = sizeof(CodeT) <= 2;

}  // namespace

template <class CodeT>
void Quantizer::to_codes(std::span<const float> in, std::span<CodeT> out, float scale,
                         CounterRandom random, std::uint64_t first_index) const {
  check_sizes(*this, in.size(), out);
  bool done = false;
  if constexpr (kHasVectorCode<CodeT>) {
    if (vector_constants_) {
      const kernels::CastRun run{in.data(), in.size(), scale, nullptr, random, first_index};
      done = kernels::to_codes(*vector_constants_, run, out.data());
    }
  }
  if (done) return;
  cast_one_by_one(*this, in, out, scale, first_index, [&](std::size_t i) {
    return options_.rounding.is_stochastic() ? random.word(first_index + i) : 0u;
  });
}

template <class CodeT>
void Quantizer::to_codes_with_words(std::span<const float> in, std::span<const std::uint32_t> words,
                                    std::span<CodeT> out, float scale) const {
  check_sizes(*this, in.size(), out);
  if (in.size() != words.size()) throw std::invalid_argument("cast: sizes of in and words differ");
  if constexpr (kHasVectorCode<CodeT>) {
    if (vector_constants_) {
      const CounterRandom unused(Seed{});
      const kernels::CastRun run{in.data(), in.size(), scale, words.data(), unused, 0};
      if (kernels::to_codes(*vector_constants_, run, out.data())) return;
    }
  }
  cast_one_by_one(*this, in, out, scale, 0, [&](std::size_t i) { return words[i]; });
}

void Quantizer::to_values(std::span<const float> in, std::span<float> out, float scale,
                          CounterRandom random, std::uint64_t first_index) const {
  check_sizes(*this, in.size(), out);
  if (vector_constants_) {
    const kernels::CastRun run{in.data(), in.size(), scale, nullptr, random, first_index};
    if (kernels::to_values(*vector_constants_, run, out.data())) return;
  }
  constexpr std::size_t kBlock = 1024;
  std::array<Code, kBlock> codes{};
  for (std::size_t begin = 0; begin < in.size(); begin += kBlock) {
    const auto count = std::min(kBlock, in.size() - begin);
    const auto block = std::span(codes).first(count);
    to_codes(in.subspan(begin, count), block, scale, random, first_index + begin);
    for (std::size_t i = 0; i < count; ++i) out[begin + i] = value(block[i]) / scale;
  }
}

template <class CodeT>
void Quantizer::decode_codes(std::span<const CodeT> codes, std::span<float> out,
                             float scale) const {
  if (codes.size() != out.size()) throw std::invalid_argument("decode: sizes of in and out differ");
  if constexpr (kHasVectorCode<CodeT>) {
    if (vector_constants_) {
      kernels::decode_codes(*vector_constants_, codes.data(), codes.size(), scale, out.data());
      return;
    }
  }
  for (std::size_t i = 0; i < codes.size(); ++i) out[i] = value(codes[i]) / scale;
}

template void Quantizer::decode_codes(std::span<const std::uint8_t>, std::span<float>, float) const;
template void Quantizer::decode_codes(std::span<const std::uint16_t>, std::span<float>,
                                      float) const;
template void Quantizer::decode_codes(std::span<const std::uint32_t>, std::span<float>,
                                      float) const;
template void Quantizer::to_codes(std::span<const float>, std::span<std::uint8_t>, float,
                                  CounterRandom, std::uint64_t) const;
template void Quantizer::to_codes(std::span<const float>, std::span<std::uint16_t>, float,
                                  CounterRandom, std::uint64_t) const;
template void Quantizer::to_codes(std::span<const float>, std::span<std::uint32_t>, float,
                                  CounterRandom, std::uint64_t) const;
template void Quantizer::to_codes_with_words(std::span<const float>, std::span<const std::uint32_t>,
                                             std::span<std::uint8_t>, float) const;
template void Quantizer::to_codes_with_words(std::span<const float>, std::span<const std::uint32_t>,
                                             std::span<std::uint16_t>, float) const;
template void Quantizer::to_codes_with_words(std::span<const float>, std::span<const std::uint32_t>,
                                             std::span<std::uint32_t>, float) const;

}  // namespace gradpath
