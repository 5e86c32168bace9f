#include "models/quantize/quantizer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/cast_definition.hpp"
#include "models/quantize/cast_kernels.hpp"

namespace gradpath {
namespace {

constexpr int kTableBits = 16;  // formats up to this width decode by table

}  // namespace

Quantizer::Quantizer(const Format& format, const CastOptions& options)
    : format_(format), options_(options) {
  if (kernels::covers(format, options))
    vector_constants_ =
        std::make_shared<const kernels::CastConstants>(kernels::cast_constants(format, options));
  if (format.bits() > kTableBits) return;
  values_.resize(format.code_count());
  for (Code code = 0; code < values_.size(); ++code) {
    values_[code] = static_cast<float>(decode(format, code));
  }
}

Code Quantizer::code(float x, std::uint32_t random_word) const {
  if (!format_.has_subnormals || (!format_.is_signed && std::signbit(x))) {
    return encode(format_, options_, static_cast<double>(x), random_word);
  }
  const Code code = cast_bits(format_, options_, std::bit_cast<std::uint32_t>(x), random_word);
  if (code == kNoCode) throw std::domain_error("NaN has no code in this format");
  return code;
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
