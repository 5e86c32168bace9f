#pragma once

#include <optional>
#include <vector>

#include "models/prune/policy.hpp"
#include "sim/explore/selected_tensor.hpp"

namespace gradpath {

/// What pruning may know of a tensor: its kind from a name `step{S}/{layer}/{part}` (other for any
/// other name), and its first dimension as examples if it has two or more.
[[nodiscard]] TensorContext tensor_context(const Tensor& tensor);

/// The same layer's same part at the largest earlier step: in the tensor's own file, else in the
/// other traces whose metadata have the same `model` and `dataset`. Nothing at the first step, or
/// for a tensor of another name.
[[nodiscard]] std::optional<SelectedTensor> tensor_a_step_before(const std::vector<Trace>& traces,
                                                                 const SelectedTensor& selected);

/// How many blocks of its network lie behind each tensor's own: 0 in the last block, -1 in none.
/// A block is the layers that share their module path up to its first number (`layer4.1`,
/// `features.17`, `encoder.layer.11`), or without one up to its last dot; a layer whose path has
/// neither is in no block. Blocks come in the order of the metadata's `layers`, or if the file has
/// none, of the tensors in the file.
[[nodiscard]] std::vector<int> blocks_after(const std::vector<SelectedTensor>& tensors);

}  // namespace gradpath
