#pragma once

#include <cstddef>
#include <cstdint>

namespace gradpath::block_kernels {

// Loops over fp32 numbers that share factors: block by block (`blocks` runs of `block` elements,
// one factor a run), or column by column (one factor an element, the same for every row).

/// Bits of the largest finite magnitude of each block; 0 if there is none but zeros. Returns
/// whether all elements are finite.
bool block_amax(const float* in, std::size_t blocks, std::size_t block, std::uint32_t* amax);
/// amax[i] = the larger of amax[i] and |in[i]|, if that is finite.
void column_amax(const float* in, std::size_t count, std::uint32_t* amax);

/// out = in * factor, rounded to fp32, the magnitude cut to `limit` (fp32 bits) where `in` is
/// finite. Infinities and NaNs stay what they are; all_finite promises that there are none.
void scale_blocks(const float* in, std::size_t blocks, std::size_t block, const float* factors,
                  std::uint32_t limit, bool all_finite, float* out);
void scale_columns(const float* in, std::size_t count, const float* factors, std::uint32_t limit,
                   float* out);

/// values *= factor, or /= if `divides`, in place.
void unscale_blocks(float* values, std::size_t blocks, std::size_t block, const float* factors,
                    bool divides);
void unscale_columns(float* values, std::size_t count, const float* factors, bool divides);

/// An element format and scale rule for quantize_mx_blocks, rounded to nearest even: signed, with
/// subnormals and a negative zero, 1 or more mantissa bits, at most 8 bits.
struct MxElement {
  int mantissa_bits;
  int magnitude_bits;
  int emax;                ///< exponent of its largest finite
  std::int32_t min_field;  ///< fp32 exponent field of its smallest normal
  std::uint32_t limit;     ///< fp32 bits of its largest finite
  std::uint32_t carry;     ///< SharedExponent::carry
  /// The E8M0 codes under which all that the kernel computes are normal fp32 numbers.
  std::uint8_t first_scale;
  std::uint8_t last_scale;
};
/// Finds the scales, casts to codes or values under them, in one go: a number's grid under a scale
/// is the element's grid moved by as many exponents, so nothing is multiplied. Returns false, the
/// outputs being undefined, where it does not cover: values not finite, blocks of subnormals,
/// scales out of the element's range, blocks that are not 1, 2, 4 or 8 vectors, fewer than four of
/// them.
[[nodiscard]] bool quantize_mx_blocks(const float* in, std::size_t blocks, std::size_t block,
                                      const MxElement& element, std::uint8_t* scales,
                                      std::uint8_t* codes);
[[nodiscard]] bool quantize_mx_blocks(const float* in, std::size_t blocks, std::size_t block,
                                      const MxElement& element, std::uint8_t* scales,
                                      float* values);

/// memcpy past the caches, for results that nobody reads again soon; stream_fence() after the last.
void stream_copy(const void* in, std::size_t bytes, void* out);
void stream_fence();

}  // namespace gradpath::block_kernels
