#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <vector>

#include "models/sparse/packed_codes.hpp"
#include "sim/datapath/stats.hpp"

namespace gradpath {

/// Several beats of the gradient as one transaction, on their way from DRAM. Belongs to one chunk;
/// its last beat may be partly filled.
struct Burst {
  std::uint32_t elements = 0;
  std::uint32_t beats = 0;
  bool last = false;  ///< ends its chunk
  std::shared_ptr<const std::vector<float>> values;
  std::shared_ptr<const std::vector<std::uint64_t>> index;  ///< in the tensor; null if not needed
};

/// A full bank of the gradient buffer, lent to the array.
struct Chunk {
  int bank = 0;
  std::uint64_t bytes = 0;
  std::uint64_t nonzeros = 0;
  Cycles ready = 0;  ///< its rows are in the array's order
  std::shared_ptr<const std::vector<PackedCodes>> runs;
};

/// A slice of the dense operand has arrived.
struct OperandSlice {
  std::uint64_t bytes = 0;
};

/// The sums of one pass, on their way out of the array.
struct ResultTile {
  std::uint64_t elements = 0;
  std::shared_ptr<const std::vector<float>> panel_values;  ///< with the panel's very last tile
};

// sc_fifo wants to be able to print its contents.
inline std::ostream& operator<<(std::ostream& out, const Burst& burst) {
  return out << "burst of " << burst.elements;
}
inline std::ostream& operator<<(std::ostream& out, const Chunk& chunk) {
  return out << "chunk of " << chunk.bytes << " bytes";
}
inline std::ostream& operator<<(std::ostream& out, const OperandSlice& slice) {
  return out << "operand slice of " << slice.bytes << " bytes";
}
inline std::ostream& operator<<(std::ostream& out, const ResultTile& tile) {
  return out << "tile of " << tile.elements << " sums";
}

}  // namespace gradpath
