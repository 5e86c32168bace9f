// A whole trace: header, manifest, shapes and geometry up to the sizes that a replay works with.
#include "traces/trace.hpp"

#include <algorithm>

#include "models/mac/conv.hpp"
#include "sim/datapath/dataflow/layer_shape.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "traces/tensor_data.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  fuzz::good_or_refused([&] {
    const Trace trace(file.path());
    for (const LayerStep& layer : trace.layer_steps()) {
      const bool is_linear = layer.geometry.op == LayerGeometry::Op::linear;
      const bool has_shape = layer.weight != nullptr || (is_linear && layer.input != nullptr);
      if (layer.grad_output->numel() == 0 || !has_shape) continue;
      const ConvShape shape = layer_shape(layer);
      validate(shape);
      const auto elements = [](const Tensor* tensor) {
        return static_cast<std::int64_t>(tensor->numel());
      };
      fuzz::require(shape.gradient_elements() == elements(layer.grad_output));
      if (layer.input != nullptr) fuzz::require(shape.input_elements() == elements(layer.input));
      if (layer.weight != nullptr) fuzz::require(shape.weight_elements() == elements(layer.weight));
      // What a replay reads and writes: the first and the last window.
      if (shape.input_elements() > (1 << 16) || shape.columns() > (1 << 16)) continue;
      std::vector<float> image(static_cast<std::size_t>(shape.input_elements()));
      std::vector<float> row(static_cast<std::size_t>(shape.columns()));
      for (const std::int64_t position : {std::int64_t{0}, shape.positions() - 1}) {
        im2col_row(shape, shape.groups - 1, position, image, row);
        col2im_add_row(shape, shape.groups - 1, position, row, image);
      }
    }
    for (const Tensor& tensor : trace.tensors()) {
      if (is_readable_as_float(tensor.dtype)) TensorFloats{tensor};
    }
  });
  return 0;
}
