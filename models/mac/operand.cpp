#include "models/mac/operand.hpp"

#include <stdexcept>

namespace gradpath {

MatrixOperand::MatrixOperand(std::span<const float> values, std::int64_t rows, std::int64_t columns)
    : values_(values), rows_(rows), columns_(columns) {
  if (static_cast<std::int64_t>(values.size()) != rows * columns) {
    throw std::invalid_argument("MatrixOperand: values do not fill rows x columns");
  }
}

OperandRows MatrixOperand::read(std::int64_t first, std::int64_t /*count*/,
                                std::vector<float>& /*scratch*/) const {
  return {values_.data() + first * columns_, static_cast<std::size_t>(columns_)};
}

ImageOperand::ImageOperand(std::span<const float> input, const ConvShape& shape, std::int64_t group,
                           std::int64_t cache_limit)
    : input_(input), shape_(shape), group_(group) {
  if (static_cast<std::int64_t>(input.size()) != shape.input_elements()) {
    throw std::invalid_argument("ImageOperand: input does not have the shape's size");
  }
  if (rows() * columns() > cache_limit) return;
  const auto n = static_cast<std::size_t>(columns());
  matrix_.resize(static_cast<std::size_t>(rows()) * n);
  for (std::int64_t k = 0; k < rows(); ++k) {
    im2col_row(shape_, group_, k, input_,
               std::span(matrix_).subspan(static_cast<std::size_t>(k) * n, n));
  }
}

OperandRows ImageOperand::read(std::int64_t first, std::int64_t count,
                               std::vector<float>& scratch) const {
  const auto n = static_cast<std::size_t>(shape_.columns());
  if (!matrix_.empty()) return {matrix_.data() + static_cast<std::size_t>(first) * n, n};
  scratch.resize(static_cast<std::size_t>(count) * n);
  for (std::int64_t i = 0; i < count; ++i) {
    im2col_row(shape_, group_, first + i, input_,
               std::span(scratch).subspan(static_cast<std::size_t>(i) * n, n));
  }
  return {scratch.data(), n};
}

}  // namespace gradpath
