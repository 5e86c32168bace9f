#pragma once

#include <cstddef>
#include <cstdint>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/round/random.hpp"

namespace gradpath::kernels {

/// What the vector code needs of a format and its cast options, as integers in place.
struct CastConstants {
  Rounding rounding;
  int mantissa_bits;
  int magnitude_bits;
  std::uint32_t min_field;      ///< fp32 exponent field of the format's smallest normal
  std::uint32_t max_magnitude;  ///< largest finite
  std::uint32_t sign_mask;
  std::uint32_t negative_zero;       ///< code of -0: the sign bit, or 0 where there is none
  std::uint32_t overflow[2];         ///< code of a finite value that overflows: positive, negative
  std::uint32_t infinity[2];         ///< code of an infinity
  std::uint32_t nan[2];              ///< code of a NaN
  std::uint32_t infinity_magnitude;  ///< all ones where there is none
  std::uint32_t nan_zero;            ///< the fnuz NaN code; all ones elsewhere
  std::uint32_t min_normal;          ///< smallest magnitude code that is not flushed; 0: none is
  bool flushes_input;
  bool nan_is_error;
  bool is_narrow;            ///< nearest-even and stochastic rounding may use fp32 arithmetic
  std::uint32_t clamp_bits;  ///< fp32 bits of a power of two that overflows; for is_narrow
};

/// Whether the vector code covers a format: signed, with zero and subnormals, at most 16 bits, and
/// its normal numbers among fp32's; `sru` only for narrow formats.
[[nodiscard]] bool covers(const Format& format, const CastOptions& options);
[[nodiscard]] CastConstants cast_constants(const Format& format, const CastOptions& options);

/// Whether 1 / scale is exact and normal, so that multiplying by it equals dividing by the scale.
[[nodiscard]] bool has_exact_reciprocal(float scale);

/// One run of elements and the random words that go with it.
struct CastRun {
  const float* in;
  std::size_t count;
  float scale;
  const std::uint32_t* words;  ///< a word an element, or null: those of `random`
  CounterRandom random;
  std::uint64_t first_index;  ///< of in[0], for `random`
};

/// Cast to codes; CodeT uint8_t or uint16_t. Returns false if it met a NaN under nan_is_error.
[[nodiscard]] bool to_codes(const CastConstants& constants, const CastRun& run, std::uint8_t* out);
[[nodiscard]] bool to_codes(const CastConstants& constants, const CastRun& run, std::uint16_t* out);
/// Cast to values: the decoded code divided by the scale.
[[nodiscard]] bool to_values(const CastConstants& constants, const CastRun& run, float* out);
/// The value of each code divided by the scale.
void decode_codes(const CastConstants& constants, const std::uint8_t* codes, std::size_t count,
                  float scale, float* out);
void decode_codes(const CastConstants& constants, const std::uint16_t* codes, std::size_t count,
                  float scale, float* out);

}  // namespace gradpath::kernels
