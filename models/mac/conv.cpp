#include "models/mac/conv.hpp"

#include <stdexcept>
#include <vector>

namespace gradpath {
namespace {

/// Calls visit(column, input index) for each column of a position that lies inside the image.
template <class Visit>
void for_each_input(const ConvShape& shape, std::int64_t group, std::int64_t position,
                    Visit visit) {
  const std::int64_t plane = shape.out_plane();
  const std::int64_t image = position / plane;
  const std::int64_t y0 = position % plane / shape.out_size(1) * shape.stride[0] - shape.padding[0];
  const std::int64_t x0 = position % shape.out_size(1) * shape.stride[1] - shape.padding[1];
  const std::int64_t first_channel = image * shape.inputs + group * shape.group_inputs();
  std::int64_t column = 0;
  for (std::int64_t channel = 0; channel < shape.group_inputs(); ++channel) {
    const std::int64_t base = (first_channel + channel) * shape.in_plane();
    for (std::int64_t i = 0; i < shape.kernel[0]; ++i) {
      const std::int64_t y = y0 + i * shape.dilation[0];
      const bool row_inside = y >= 0 && y < shape.in_size[0];
      const std::int64_t row_base = base + y * shape.in_size[1];
      for (std::int64_t j = 0; j < shape.kernel[1]; ++j, ++column) {
        const std::int64_t x = x0 + j * shape.dilation[1];
        if (row_inside && x >= 0 && x < shape.in_size[1]) {
          visit(static_cast<std::size_t>(column), static_cast<std::size_t>(row_base + x));
        }
      }
    }
  }
}

/// How many coordinates of one axis some window reads.
std::int64_t touched(const ConvShape& shape, int axis) {
  const auto a = static_cast<std::size_t>(axis);
  std::vector<bool> seen(static_cast<std::size_t>(shape.in_size[a]));
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < shape.out_size(axis); ++o) {
    for (std::int64_t i = 0; i < shape.kernel[a]; ++i) {
      const std::int64_t at = o * shape.stride[a] - shape.padding[a] + i * shape.dilation[a];
      if (at >= 0 && at < shape.in_size[a] && !seen[static_cast<std::size_t>(at)]) {
        seen[static_cast<std::size_t>(at)] = true;
        ++count;
      }
    }
  }
  return count;
}

}  // namespace

std::int64_t ConvShape::out_size(int axis) const {
  const auto a = static_cast<std::size_t>(axis);
  const std::int64_t span = in_size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1;
  return span < 0 ? 0 : span / stride[a] + 1;
}

std::int64_t ConvShape::touched_inputs_of_group() const {
  return batch * group_inputs() * touched(*this, 0) * touched(*this, 1);
}

ConvShape linear_shape(std::int64_t positions, std::int64_t inputs, std::int64_t outputs) {
  return {.batch = positions, .inputs = inputs, .outputs = outputs};
}

void validate(const ConvShape& shape) {
  bool good = shape.batch > 0 && shape.inputs > 0 && shape.outputs > 0 && shape.groups > 0;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    good = good && shape.in_size[axis] > 0 && shape.kernel[axis] > 0 && shape.stride[axis] > 0 &&
           shape.padding[axis] >= 0 && shape.dilation[axis] > 0;
  }
  good = good && shape.inputs % shape.groups == 0 && shape.outputs % shape.groups == 0 &&
         shape.positions() > 0;
  if (!good) throw std::invalid_argument("convolution shape without a valid output");
}

void im2col_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                std::span<const float> input, std::span<float> row) {
  for (float& value : row) value = 0.0f;
  for_each_input(shape, group, position,
                 [&](std::size_t column, std::size_t at) { row[column] = input[at]; });
}

void col2im_add_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                    std::span<const float> row, std::span<float> input_gradient) {
  for_each_input(shape, group, position,
                 [&](std::size_t column, std::size_t at) { input_gradient[at] += row[column]; });
}

void col2im_add_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                    std::span<const double> row, std::span<double> input_gradient) {
  for_each_input(shape, group, position,
                 [&](std::size_t column, std::size_t at) { input_gradient[at] += row[column]; });
}

}  // namespace gradpath
