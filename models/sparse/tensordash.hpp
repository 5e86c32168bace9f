#pragma once

#include <cstdint>
#include <span>

#include "models/sparse/sparse_panel.hpp"

namespace gradpath {

/// Lanes of a TensorDash processing element: it multiplies this many positions of k a cycle.
inline constexpr std::uint32_t kTensorDashLanes = 16;

/// Cycles that a group of streams needs under TensorDash's scheduler (Mahmoud et al., MICRO 2020):
/// 16 lanes along the reduction and a staging buffer of 3 rows (lookahead 2). A lane takes the
/// first nonzero of: its own place; one row ahead lanes -1, 0, +1, +3; two rows ahead lanes -2, 0,
/// +2 (mod 16). Lanes choose in the levels {0,5,10} {1,6,11} {2,7,12} {3,8,13} {4,9,14} {15}; what
/// one takes is gone for later ones. Then the emptied rows are dropped: 1 to 3 a cycle, and all
/// streams advance together by the least of them. streams: one span a stream, all of the same
/// length; bit l of word t says that the value at lane l of row t is not zero. Throws
/// std::invalid_argument on different lengths.
[[nodiscard]] std::uint64_t tensordash_cycles(
    std::span<const std::span<const std::uint16_t>> streams);

/// The same for a panel: its rows are the streams, k cut into rows of 16.
[[nodiscard]] std::uint64_t tensordash_cycles(const SparsePanel& panel);

}  // namespace gradpath
