#pragma once

#include "models/mac/conv.hpp"
#include "traces/trace.hpp"

namespace gradpath {

/// The layer of a trace as a shape for the datapath. Without an input (dX alone can be replayed)
/// its size is the smallest that gives the gradient's; without a weight (dW of a linear layer alone
/// can be replayed) a linear layer's features are the input's last dimension.
/// Needs the weight, or for a linear layer the input: std::invalid_argument otherwise.
[[nodiscard]] ConvShape layer_shape(const LayerStep& layer);

}  // namespace gradpath
