#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/format/format.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/sparse/sparse_panel.hpp"

namespace gradpath {

/// The compactor's output: one bit an element (1 = not zero, element 0 in the lowest bit of the
/// first word) and the codes of the nonzeros in the elements' order.
struct PackedCodes {
  std::uint32_t elements = 0;
  std::vector<std::uint64_t> bitmap;  ///< ceil(elements / 64) words
  std::vector<Code> codes;

  [[nodiscard]] bool is_nonzero(std::uint32_t element) const {
    return ((bitmap[element / 64] >> (element % 64)) & 1) != 0;
  }
  friend bool operator==(const PackedCodes&, const PackedCodes&) = default;
};

/// True for the codes of +0 and -0. Formats without a zero (e8m0fnu) have none, and fnuz's
/// negative-zero code is a NaN.
[[nodiscard]] constexpr bool is_zero_code(const Format& format, Code code) {
  if (!format.has_zero) return false;
  return code == 0 || (format.has_negative_zero() && code == format.sign_mask());
}

/// Drops the zeros. Their signs are lost: unpacking gives +0. std::length_error for 2^32 codes or
/// more.
[[nodiscard]] PackedCodes pack_codes(const Format& format, std::span<const Code> codes);

/// The elements again, zeros as code 0. out: packed.elements, else std::invalid_argument.
void unpack_codes(const PackedCodes& packed, std::span<Code> out);

/// Storage of `elements` elements with `nonzeros` codes of `bits` bits: each part in whole bytes.
[[nodiscard]] constexpr std::uint64_t packed_bytes(std::uint64_t elements, std::uint64_t nonzeros,
                                                   int bits) {
  return (elements + 7) / 8 + (nonzeros * static_cast<std::uint64_t>(bits) + 7) / 8;
}

/// Decodes consecutive runs of elements, together rows x extent in row-major order, into a panel.
/// Throws std::invalid_argument if they are more or fewer.
[[nodiscard]] SparsePanel decode_panel(std::span<const PackedCodes> runs, std::size_t rows,
                                       std::uint32_t extent, const Quantizer& quantizer);

}  // namespace gradpath
