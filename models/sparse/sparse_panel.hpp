#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradpath {

/// A block of rows of a sparse operand over a stretch of the reduction, row by row: the nonzeros of
/// row r are entries row_begin[r] .. row_begin[r + 1] - 1, their offsets (from the start of the
/// stretch) ascending.
struct SparsePanel {
  std::size_t rows = 0;
  std::uint32_t extent = 0;            ///< length of the stretch, in positions of k
  std::vector<std::size_t> row_begin;  ///< rows + 1 entries
  std::vector<std::uint32_t> offsets;  ///< below extent
  std::vector<float> values;           ///< not zero

  [[nodiscard]] std::size_t nonzeros() const { return offsets.size(); }
};

}  // namespace gradpath
