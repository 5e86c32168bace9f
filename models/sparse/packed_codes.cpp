#include "models/sparse/packed_codes.hpp"

#include <bit>
#include <limits>
#include <stdexcept>

namespace gradpath {

PackedCodes pack_codes(const Format& format, std::span<const Code> codes) {
  if (codes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw std::length_error("pack_codes: 2^32 elements or more");
  }
  PackedCodes packed;
  packed.elements = static_cast<std::uint32_t>(codes.size());
  packed.bitmap.assign((codes.size() + 63) / 64, 0);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (is_zero_code(format, codes[i])) continue;
    packed.bitmap[i / 64] |= std::uint64_t{1} << (i % 64);
    packed.codes.push_back(codes[i]);
  }
  return packed;
}

void unpack_codes(const PackedCodes& packed, std::span<Code> out) {
  if (out.size() != packed.elements) {
    throw std::invalid_argument("unpack_codes: out does not have the packed number of elements");
  }
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < packed.elements; ++i) {
    out[i] = packed.is_nonzero(i) ? packed.codes[next++] : 0;
  }
}

SparsePanel decode_panel(std::span<const PackedCodes> runs, std::size_t rows, std::uint32_t extent,
                         const Quantizer& quantizer) {
  SparsePanel panel;
  panel.rows = rows;
  panel.extent = extent;
  panel.row_begin.assign(rows + 1, 0);
  std::size_t elements = 0;
  for (const PackedCodes& run : runs) elements += run.elements;
  if (elements != rows * extent) {
    throw std::invalid_argument("decode_panel: the runs do not fill rows x extent");
  }
  std::size_t first = 0;
  for (const PackedCodes& run : runs) {
    std::size_t next = 0;
    for (std::size_t word = 0; word < run.bitmap.size(); ++word) {
      for (std::uint64_t bits = run.bitmap[word]; bits != 0; bits &= bits - 1) {
        const std::size_t at = first + word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        ++panel.row_begin[at / extent + 1];
        panel.offsets.push_back(static_cast<std::uint32_t>(at % extent));
        panel.values.push_back(quantizer.value(run.codes[next++]));
      }
    }
    first += run.elements;
  }
  for (std::size_t r = 0; r < rows; ++r) panel.row_begin[r + 1] += panel.row_begin[r];
  return panel;
}

}  // namespace gradpath
