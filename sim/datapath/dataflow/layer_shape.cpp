#include "sim/datapath/dataflow/layer_shape.hpp"

#include <algorithm>
#include <stdexcept>

namespace gradpath {
namespace {

ConvShape linear(const LayerStep& layer) {
  const auto& gradient = layer.grad_output->shape;
  const std::int64_t outputs = gradient.back();
  const std::int64_t inputs =
      layer.weight != nullptr ? layer.weight->shape[1] : layer.input->shape.back();
  const auto elements = static_cast<std::int64_t>(layer.grad_output->numel());
  return linear_shape(outputs == 0 ? 0 : elements / outputs, inputs, outputs);
}

ConvShape convolution(const LayerStep& layer) {
  const LayerGeometry& geometry = layer.geometry;
  const auto& gradient = layer.grad_output->shape;
  const auto& weight = layer.weight->shape;
  ConvShape shape{.batch = gradient[0],
                  .inputs = weight[1] * geometry.groups,
                  .outputs = gradient[1],
                  .kernel = {weight[2], weight[3]},
                  .stride = geometry.stride,
                  .padding = geometry.padding,
                  .dilation = geometry.dilation,
                  .groups = geometry.groups};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t smallest = (gradient[axis + 2] - 1) * shape.stride[axis] +
                                  shape.dilation[axis] * (shape.kernel[axis] - 1) + 1 -
                                  2 * shape.padding[axis];
    shape.in_size[axis] =
        layer.input != nullptr ? layer.input->shape[axis + 2] : std::max<std::int64_t>(smallest, 1);
  }
  return shape;
}

}  // namespace

ConvShape layer_shape(const LayerStep& layer) {
  const bool is_linear = layer.geometry.op == LayerGeometry::Op::linear;
  if (layer.weight == nullptr && !(is_linear && layer.input != nullptr)) {
    throw std::invalid_argument("layer_shape: nothing to take the shape from");
  }
  if (layer.geometry.op == LayerGeometry::Op::conv_transpose2d) {
    throw std::invalid_argument("layer_shape: a transposed convolution");
  }
  return is_linear ? linear(layer) : convolution(layer);
}

}  // namespace gradpath
