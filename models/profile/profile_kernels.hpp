#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gradpath::kernels {

/// What vector code sees in a block.
struct BlockScan {
  std::uint32_t least_bits = 0xffffffffu;  ///< min over nonzeros of |x|'s bits, less 1
  std::uint32_t most_bits = 0;             ///< max of |x|'s bits, infinities and NaNs among them
  std::uint32_t on_edge = 0;               ///< elements whose low 16 bits are 0, zeros among them
  std::uint32_t zeros = 0;                 ///< of both signs
  std::uint64_t checksum = 0;              ///< sum of profile_hash
};

/// At most 2^31 values.
[[nodiscard]] BlockScan scan_block(std::span<const float> values);

/// What a profile's counters sum over the elements of a bucket, l being an element's low 16 bits:
/// in one 128-bit addition an element.
struct alignas(16) ProfileCell {
  std::uint64_t low_square_sum;     ///< of l^2
  std::uint64_t low_sum_and_count;  ///< of l << kCountBits | 1

  static constexpr int kCountBits = 24;
};

inline constexpr std::size_t kProfileKeys = std::size_t{1} << 16;
/// Cells past the keys that take the zeros: in turn, as one cell would make each
/// addition wait for the one before it. What they hold means nothing.
inline constexpr std::size_t kZeroCells = 8;

/// Writes the values that are not zero, in their order, and returns how many; what follows them in
/// `out`, as long as `in`, means nothing. Asks for the memory behind `in`, as scatter_block does.
[[nodiscard]] std::size_t drop_zeros(std::span<const float> in, std::span<float> out);

/// Adds each value to the cell of its top 16 bits. cells: kProfileKeys + kZeroCells; none
/// overflows, which is the caller's to see to. Asks for the memory behind the block, as the next
/// one is expected there.
void scatter_block(std::span<const float> values, std::span<ProfileCell> cells);

}  // namespace gradpath::kernels
