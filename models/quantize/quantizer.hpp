#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/round/random.hpp"

namespace gradpath {

namespace kernels {
struct CastConstants;
}

/// Casts fp32 values to one format in bulk. Equal to `encode`, element by element.
class Quantizer {
 public:
  Quantizer(const Format& format, const CastOptions& options);

  [[nodiscard]] const Format& format() const { return format_; }
  [[nodiscard]] const CastOptions& options() const { return options_; }

  /// One element. Throws std::domain_error on a NaN that has no code.
  [[nodiscard]] Code code(float x, std::uint32_t random_word = 0) const;
  /// The value of a code as fp32 (rounded to nearest even where a format exceeds fp32's range).
  [[nodiscard]] float value(Code code) const;

  /// Codes of in[i] * scale (the product rounded to fp32). CodeT: uint8_t, uint16_t or uint32_t,
  /// at least format().bits() wide. Element i uses random.word(first_index + i).
  /// Throws std::invalid_argument if sizes differ or CodeT is too narrow; UserError on a NaN
  /// without a code, naming the element first_index + i.
  template <class CodeT>
  void to_codes(std::span<const float> in, std::span<CodeT> out, float scale = 1.0f,
                CounterRandom random = CounterRandom(Seed{}), std::uint64_t first_index = 0) const;

  /// Values: in[i] * scale, cast, divided by scale (each operation rounded to fp32).
  void to_values(std::span<const float> in, std::span<float> out, float scale = 1.0f,
                 CounterRandom random = CounterRandom(Seed{}), std::uint64_t first_index = 0) const;

  /// The values of codes, divided by scale (rounded to fp32). CodeT as in to_codes; a code's bits
  /// above format().bits() must be 0.
  template <class CodeT>
  void decode_codes(std::span<const CodeT> codes, std::span<float> out, float scale = 1.0f) const;

  /// Codes with the random words given: one a element, as hardware lanes deliver them.
  template <class CodeT>
  void to_codes_with_words(std::span<const float> in, std::span<const std::uint32_t> words,
                           std::span<CodeT> out, float scale = 1.0f) const;

 private:
  Format format_;
  CastOptions options_;
  std::shared_ptr<const kernels::CastConstants> vector_constants_;  ///< null: the scalar code runs
  std::vector<float> values_;  ///< decode table of formats up to 16 bits
};

}  // namespace gradpath
