#include "models/mac/gemm.hpp"

#include <stdexcept>
#include <vector>

namespace gradpath {

void gemm_reference(std::span<const float> a, std::span<const float> b, std::span<float> d,
                    std::int64_t m, std::int64_t n, std::int64_t k) {
  if (static_cast<std::int64_t>(a.size()) != m * k ||
      static_cast<std::int64_t>(b.size()) != k * n ||
      static_cast<std::int64_t>(d.size()) != m * n) {
    throw std::invalid_argument("gemm_reference: sizes do not fit m, n, k");
  }
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t column = 0; column < n; ++column) {
      float sum = 0.0f;
      for (std::int64_t i = 0; i < k; ++i) {
        const float x = a[static_cast<std::size_t>(row * k + i)];
        if (x == 0.0f) continue;
        const float product = x * b[static_cast<std::size_t>(i * n + column)];
        sum += product;
      }
      d[static_cast<std::size_t>(row * n + column)] = sum;
    }
  }
}

namespace {

/// sums += x * row, element by element; the compiler makes vectors of it.
void add_products(float x, const float* __restrict row, float* __restrict sums, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += x * row[i];
}

}  // namespace

void accumulate_panel(const SparsePanel& panel, std::int64_t first_k, const DenseOperand& operand,
                      std::span<float> accumulators, std::span<float> scratch) {
  const auto n = static_cast<std::size_t>(operand.columns());
  if (accumulators.size() != panel.rows * n || scratch.size() != n) {
    throw std::invalid_argument("accumulate_panel: sizes do not fit the panel and the operand");
  }
  // k outside, rows inside: an operand row is fetched once for all rows of the panel.
  std::vector<std::size_t> next(panel.row_begin.begin(), panel.row_begin.end() - 1);
  for (std::uint32_t offset = 0; offset < panel.extent; ++offset) {
    std::span<const float> operand_row;
    for (std::size_t r = 0; r < panel.rows; ++r) {
      if (next[r] == panel.row_begin[r + 1] || panel.offsets[next[r]] != offset) continue;
      if (operand_row.empty()) operand_row = operand.row(first_k + offset, scratch);
      add_products(panel.values[next[r]], operand_row.data(), accumulators.data() + r * n, n);
      ++next[r];
    }
  }
}

void unscale(std::span<float> d, float scale_a, float scale_b) {
  for (float& value : d) value = value / scale_a / scale_b;
}

}  // namespace gradpath
