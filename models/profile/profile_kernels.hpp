#pragma once

#include <cstdint>
#include <span>

namespace gradpath::kernels {

/// What vector code sees in a block.
struct BlockScan {
  std::uint32_t least_bits = 0xffffffffu;  ///< min over nonzeros of |x|'s bits, less 1
  std::uint32_t most_bits = 0;             ///< max of |x|'s bits, infinities and NaNs among them
  std::uint32_t on_edge = 0;               ///< elements whose low 16 bits are 0, zeros among them
  std::uint64_t zeros[2] = {};             ///< positive and negative
  std::uint64_t checksum = 0;              ///< sum of profile_hash
};

/// At most 2^31 values.
[[nodiscard]] BlockScan scan_block(std::span<const float> values);

}  // namespace gradpath::kernels
