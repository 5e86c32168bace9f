#include "models/mac/gemm.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "models/mac/mac_kernels.hpp"

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

void accumulate_block(const SparsePanel& block, const OperandRows& operand, std::size_t columns,
                      float* sums, std::size_t stride) {
  // A strip of columns at a time: the operand's are packed, so that no stride makes cache lines
  // collide, and a row's sums stay in registers while its products go by.
  using kernels::kStripColumns;
  std::vector<float> packed(std::size_t{block.extent} * kStripColumns);
  for (std::size_t c = 0; c < columns; c += kStripColumns) {
    const std::size_t width = std::min(kStripColumns, columns - c);
    for (std::size_t k = 0; k < block.extent; ++k) {
      std::copy_n(operand.row(k) + c, width, packed.data() + k * kStripColumns);
    }
    for (std::size_t r = 0; r < block.rows; ++r) {
      std::array<float, kStripColumns> strip = {};
      float* const out = sums + r * stride + c;
      std::copy_n(out, width, strip.begin());
      const std::size_t first = block.row_begin[r];
      kernels::accumulate_fp32(block.values.data() + first, block.offsets.data() + first,
                               block.row_begin[r + 1] - first, packed.data(), strip.data());
      std::copy_n(strip.begin(), width, out);
    }
  }
}

void add_scheduled(const SparsePanel& block, const Schedule& schedule, const OperandRows& operand,
                   std::size_t columns, float* sums, std::size_t stride) {
  if (schedule.partials == 1) {
    accumulate_block(block, operand, columns, sums, stride);
    return;
  }
  std::vector<float> partial(schedule.order.rows * columns, 0.0f);
  accumulate_block(schedule.order, operand, columns, partial.data(), columns);
  for (std::size_t i = 0; i < schedule.order.rows; ++i) {
    float* const sum = sums + i / schedule.partials * stride;
    for (std::size_t c = 0; c < columns; ++c) sum[c] += partial[i * columns + c];
  }
}

void add_fp64_product(std::span<const float> a, std::size_t rows, const OperandRows& operand,
                      std::size_t columns, std::span<double> d) {
  using kernels::kExactColumns;
  using kernels::kExactRows;
  const std::size_t k = a.size() / rows;
  const std::size_t groups = (rows + kExactRows - 1) / kExactRows;
  std::vector<float> packed_a(groups * k * kExactRows, 0.0f);
  for (std::size_t r = 0; r < rows; ++r) {
    float* const out = packed_a.data() + r / kExactRows * k * kExactRows + r % kExactRows;
    for (std::size_t i = 0; i < k; ++i) out[i * kExactRows] = a[r * k + i];
  }
  std::vector<float> strip(k * kExactColumns, 0.0f);
  for (std::size_t c = 0; c < columns; c += kExactColumns) {
    const std::size_t width = std::min(kExactColumns, columns - c);
    for (std::size_t i = 0; i < k; ++i) {
      std::copy_n(operand.row(i) + c, width, strip.data() + i * kExactColumns);
    }
    for (std::size_t g = 0; g < groups; ++g) {
      std::array<double, kExactRows* kExactColumns> sums = {};
      const std::size_t height = std::min(kExactRows, rows - g * kExactRows);
      double* const out = d.data() + g * kExactRows * columns + c;
      for (std::size_t r = 0; r < height; ++r) {
        std::copy_n(out + r * columns, width, sums.data() + r * kExactColumns);
      }
      kernels::accumulate_fp64(packed_a.data() + g * k * kExactRows, strip.data(), k, sums.data());
      for (std::size_t r = 0; r < height; ++r) {
        std::copy_n(sums.data() + r * kExactColumns, width, out + r * columns);
      }
    }
  }
}

void unscale(std::span<float> d, float scale_a, float scale_b) {
  for (float& value : d) value = value / scale_a / scale_b;
}

}  // namespace gradpath
