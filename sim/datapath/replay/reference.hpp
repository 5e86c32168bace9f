#pragma once

#include <vector>

#include "sim/datapath/replay/layer_replay.hpp"

namespace gradpath {

/// The same product as replay_gemm, without the datapath: the gradient is pruned and cast as a
/// whole tensor, both operands are written out as matrices, multiplied by the plain triple loop
/// (gemm_reference) and put back in the layer's layout. What `replay --check` compares with.
/// config: read for the order of the sums (--k-order, and rows that share), and for
/// RandomSource::lanes, whose words depend on the order of the stream.
/// Needs m x k + k x n + m x n floats of memory for one group.
[[nodiscard]] std::vector<float> reference_gemm(const DatapathConfig& config,
                                                const ReplayNumerics& numerics,
                                                const LayerTensors& layer, GemmKind kind);

/// How many elements differ in their bits; two NaNs of any payload count as equal.
/// std::invalid_argument if sizes differ.
[[nodiscard]] std::uint64_t count_mismatches(std::span<const float> a, std::span<const float> b);

}  // namespace gradpath
