#include "sim/datapath/replay/product_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "models/mac/gemm.hpp"

namespace gradpath {
namespace {

// Rows of A and positions of k that are worked on together.
constexpr std::int64_t kRows = 256;
constexpr std::int64_t kDepth = 1024;

/// D* of one group, added to the whole.
void add_exact_product(const LayerTensors& layer, GemmKind kind, std::int64_t group,
                       std::span<double> exact) {
  const ConvShape& shape = layer.shape;
  const bool is_dx = kind == GemmKind::input_gradient;
  const std::int64_t m = is_dx ? shape.positions() : shape.group_outputs();
  const std::int64_t k = is_dx ? shape.group_outputs() : shape.positions();
  const std::int64_t n = shape.columns();
  const auto columns = static_cast<std::size_t>(n);
  const std::unique_ptr<DenseOperand> operand =
      group_operand(shape, kind, is_dx ? layer.weight : layer.input, group);
  const GradientOperand gradient{layer.gradient, &shape, group, kind};
  std::vector<float> scratch;
  std::vector<float> a;
  for (std::int64_t row = 0; row < m; row += kRows) {
    const auto rows = static_cast<std::size_t>(std::min(kRows, m - row));
    std::vector<double> d(rows * columns, 0.0);
    for (std::int64_t first = 0; first < k; first += kDepth) {
      const std::int64_t depth = std::min(kDepth, k - first);
      a.clear();
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < depth; ++i) {
          a.push_back(gradient.values[gradient.index(static_cast<std::uint64_t>(row) + r,
                                                     static_cast<std::uint64_t>(first + i))]);
        }
      }
      add_fp64_product(a, rows, operand->read(first, depth, scratch), columns, d);
    }
    if (is_dx) {
      for (std::size_t r = 0; r < rows; ++r) {
        col2im_add_row(shape, group, row + static_cast<std::int64_t>(r),
                       std::span<const double>(d).subspan(r * columns, columns), exact);
      }
    } else {
      std::ranges::copy(d, exact.begin() + (group * shape.group_outputs() + row) * n);
    }
  }
}

}  // namespace

ProductError& ProductError::operator+=(const ProductError& other) {
  error_squares += other.error_squares;
  exact_squares += other.exact_squares;
  result_squares += other.result_squares;
  cross += other.cross;
  return *this;
}

double ProductError::relative() const {
  return exact_squares > 0 ? std::sqrt(error_squares / exact_squares)
                           : std::numeric_limits<double>::quiet_NaN();
}

double ProductError::cosine() const {
  const double cosine = cross / std::sqrt(exact_squares * result_squares);
  // Not the NaN, of either sign, that an infinity leaves.
  return std::isnan(cosine) ? std::numeric_limits<double>::quiet_NaN() : cosine;
}

ProductError product_error(const LayerTensors& layer, GemmKind kind,
                           std::span<const float> result) {
  std::vector<double> exact(result.size(), 0.0);
  for (std::int64_t group = 0; group < layer.shape.groups; ++group) {
    add_exact_product(layer, kind, group, exact);
  }
  ProductError error;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double difference = double{result[i]} - exact[i];
    error.error_squares += difference * difference;
    error.exact_squares += exact[i] * exact[i];
    error.result_squares += double{result[i]} * double{result[i]};
    error.cross += double{result[i]} * exact[i];
  }
  return error;
}

}  // namespace gradpath
