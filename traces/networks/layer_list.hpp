#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "traces/networks/network.hpp"

namespace gradpath {

/// Channels and size of the activation between two layers, square.
struct Activation {
  std::int64_t channels = 0;
  std::int64_t size = 0;
};

/// A square convolution's own numbers.
struct SquareConv {
  std::int64_t outputs = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t groups = 1;
  bool has_bias = false;
};

/// Size after a window of `kernel` moves over `size` (PyTorch's floor).
[[nodiscard]] constexpr std::int64_t windowed_size(std::int64_t size, std::int64_t kernel,
                                                   std::int64_t stride, std::int64_t padding) {
  return (size + 2 * padding - kernel) / stride + 1;
}

/// Layers as they are appended, their shapes following from each other.
class LayerList {
 public:
  /// Appends a convolution of `in`; returns its output.
  Activation conv(const std::string& name, Activation in, const SquareConv& shape) {
    const std::int64_t size = windowed_size(in.size, shape.kernel, shape.stride, shape.padding);
    NetworkLayer layer;
    layer.name = name;
    layer.geometry.op = LayerGeometry::Op::conv2d;
    layer.geometry.stride = {shape.stride, shape.stride};
    layer.geometry.padding = {shape.padding, shape.padding};
    layer.geometry.groups = shape.groups;
    layer.input = {1, in.channels, in.size, in.size};
    layer.grad_output = {1, shape.outputs, size, size};
    layer.weight = {shape.outputs, in.channels / shape.groups, shape.kernel, shape.kernel};
    layer.has_bias = shape.has_bias;
    layers_.push_back(std::move(layer));
    return {shape.outputs, size};
  }

  /// Appends a linear layer over `tokens` positions an example, 0 for [N, features].
  void linear(const std::string& name, std::int64_t inputs, std::int64_t outputs,
              std::int64_t tokens = 0, bool has_bias = true) {
    NetworkLayer layer;
    layer.name = name;
    layer.geometry.op = LayerGeometry::Op::linear;
    layer.input = tokens > 0 ? std::vector{std::int64_t{1}, tokens, inputs}
                             : std::vector{std::int64_t{1}, inputs};
    layer.grad_output = layer.input;
    layer.grad_output.back() = outputs;
    layer.weight = {outputs, inputs};
    layer.has_bias = has_bias;
    layers_.push_back(std::move(layer));
  }

  [[nodiscard]] std::vector<NetworkLayer> take() { return std::move(layers_); }

 private:
  std::vector<NetworkLayer> layers_;
};

}  // namespace gradpath
