#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "models/scale/block_quantizer.hpp"
#include "models/scale/history.hpp"
#include "models/scale/scale.hpp"

namespace gradpath {

/// The choice of S2FP8's transform; its numbers are the tensor's (shift_squeeze.hpp).
struct ShiftSqueezeScaling {
  friend bool operator==(const ShiftSqueezeScaling&, const ShiftSqueezeScaling&) = default;
};

/// The scale from the mean of log2|x| (mean_log_scale).
struct MeanLogScaling {
  friend bool operator==(const MeanLogScaling&, const MeanLogScaling&) = default;
};

/// Every scaling that a cast knows: from one tensor, from a layer's earlier steps, from whole
/// steps, a transform, or by blocks.
using Scaling = std::variant<ScalePolicy, MeanLogScaling, DelayedScaling, LossScaling,
                             ShiftSqueezeScaling, BlockScaling>;

/// Reads what parse_scale reads, and `mean-log`, `mx[:BLOCK[:RULE]]`, `nvfp4[:BLOCK]`,
/// `delayed[:H[:MARGIN]]`, `s2fp8`, `loss-scaling[:START[:INTERVAL]]`; UserError otherwise.
[[nodiscard]] Scaling parse_scaling(std::string_view text);
/// The name parse_scaling reads back, every parameter spelt out.
[[nodiscard]] std::string scaling_name(const Scaling& scaling);
[[nodiscard]] const Grammar& scaling_grammar();

}  // namespace gradpath
