#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace gradpath {

/// A layer as the two matrix products of its backward pass, with PyTorch's meaning and layouts:
/// activations [batch, channels, height, width], weights [outputs, inputs / groups, kernel height,
/// kernel width]. A linear layer is a 1 x 1 convolution of 1 x 1 images, one a position.
/// Height before width in every pair.
struct ConvShape {
  std::int64_t batch = 1;
  std::int64_t inputs = 1;   ///< channels of the input, all groups
  std::int64_t outputs = 1;  ///< channels of the output, all groups
  std::array<std::int64_t, 2> in_size{1, 1};
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> padding{0, 0};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::int64_t groups = 1;

  friend bool operator==(const ConvShape&, const ConvShape&) = default;

  /// floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1; may be <= 0 where the kernel
  /// does not fit.
  [[nodiscard]] std::int64_t out_size(int axis) const;
  [[nodiscard]] std::int64_t out_plane() const { return out_size(0) * out_size(1); }
  [[nodiscard]] std::int64_t in_plane() const { return in_size[0] * in_size[1]; }

  /// batch x output plane: rows of dX's product, reduction of dW's.
  [[nodiscard]] std::int64_t positions() const { return batch * out_plane(); }
  [[nodiscard]] std::int64_t group_inputs() const { return inputs / groups; }
  [[nodiscard]] std::int64_t group_outputs() const { return outputs / groups; }
  /// inputs of a group x kernel: columns of both products (N).
  [[nodiscard]] std::int64_t columns() const { return group_inputs() * kernel[0] * kernel[1]; }

  [[nodiscard]] std::int64_t gradient_elements() const { return outputs * positions(); }
  [[nodiscard]] std::int64_t input_elements() const { return batch * inputs * in_plane(); }
  [[nodiscard]] std::int64_t weight_elements() const { return outputs * columns(); }

  /// Input elements of one group that some output reads: with a stride beyond the kernel, or a rim
  /// that no window reaches, fewer than all.
  [[nodiscard]] std::int64_t touched_inputs_of_group() const;

  /// Where the gradient of (position, output channel of the group) lies in [batch, outputs, H, W].
  [[nodiscard]] std::int64_t gradient_index(std::int64_t group, std::int64_t position,
                                            std::int64_t output) const {
    const std::int64_t plane = out_plane();
    return (position / plane * outputs + group * group_outputs() + output) * plane +
           position % plane;
  }
};

/// The shape of a linear layer over `positions` rows.
[[nodiscard]] ConvShape linear_shape(std::int64_t positions, std::int64_t inputs,
                                     std::int64_t outputs);

/// Throws std::invalid_argument unless every field is positive (padding >= 0), the groups divide
/// both channel counts and the output is not empty.
void validate(const ConvShape& shape);

/// The inputs under one output position, in the order of a weight's row (channel, kernel row,
/// kernel column); +0 where the window hangs over the padding.
/// input: input_elements(); row: columns().
void im2col_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                std::span<const float> input, std::span<float> row);

/// The transpose: adds a row to the inputs it came from, in the same order; what belongs to the
/// padding is dropped. input_gradient: input_elements().
void col2im_add_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                    std::span<const float> row, std::span<float> input_gradient);
void col2im_add_row(const ConvShape& shape, std::int64_t group, std::int64_t position,
                    std::span<const double> row, std::span<double> input_gradient);

}  // namespace gradpath
