#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/layer_geometry.hpp"
#include "traces/safetensors.hpp"

namespace gradpath {

/// One layer at one training step, its shapes checked against each other:
///   conv2d: grad_output [N, O, Ho, Wo], input [N, I, H, W], weight [O, I / groups, Kh, Kw];
///   linear: grad_output [..., O], input [..., I] with the same leading dimensions, weight [O, I].
/// Those of conv_transpose2d are not checked: they can be fitted, cast and pruned, not replayed.
struct LayerStep {
  std::int64_t step = 0;
  std::string layer;  ///< PyTorch module path
  LayerGeometry geometry;
  const Tensor* grad_output = nullptr;  ///< never null
  const Tensor* input = nullptr;        ///< null if the trace has none: dW cannot be replayed
  const Tensor* weight = nullptr;       ///< null if the trace has none: dX cannot be replayed
};

/// The three parts of a name `step{S}/{layer}/{part}`.
struct TraceName {
  std::int64_t step = 0;
  std::string_view layer;
  std::string_view part;  ///< grad_output, input or weight
};

/// Splits a tensor's name (S decimal, without leading zeros); nothing for an ordinary tensor.
[[nodiscard]] std::optional<TraceName> parse_trace_name(std::string_view name);

/// A safetensors file read as a gradient trace. Any safetensors file can be opened; one without
/// `layers` in its metadata has tensors but no layer_steps().
class Trace {
 public:
  /// UserError as SafetensorsFile.
  explicit Trace(const std::string& path) : file_(path) {}

  [[nodiscard]] const SafetensorsFile& file() const { return file_; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] std::span<const Tensor> tensors() const { return file_.tensors(); }

  /// Every (step, layer) with a grad_output, by step, inside a step in the order of `layers`.
  /// UserError if the file has no `layers` (says what to add), a layer's entry is missing or wrong,
  /// or shapes do not fit each other. Points into this object's tensors.
  /// inputs_from: a trace that lends the inputs, weights and `layers` that are not in this one, as
  /// in one of pruned or cast gradients; it must outlive the result.
  [[nodiscard]] std::vector<LayerStep> layer_steps(const Trace* inputs_from = nullptr) const;

 private:
  SafetensorsFile file_;
};

}  // namespace gradpath
