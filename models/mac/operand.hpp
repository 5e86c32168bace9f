#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/mac/conv.hpp"

namespace gradpath {

/// Rows of a matrix in memory, each so many elements after the last.
struct OperandRows {
  const float* data = nullptr;
  std::size_t stride = 0;
  [[nodiscard]] const float* row(std::size_t i) const { return data + i * stride; }
};

/// The dense operand B [K, N] of a product, read in stretches of rows, so that lowered images need
/// not exist as a matrix.
class DenseOperand {
 public:
  DenseOperand() = default;
  DenseOperand(const DenseOperand&) = default;
  DenseOperand& operator=(const DenseOperand&) = default;
  virtual ~DenseOperand() = default;

  [[nodiscard]] virtual std::int64_t rows() const = 0;     ///< K
  [[nodiscard]] virtual std::int64_t columns() const = 0;  ///< N
  /// Rows first, first + 1, ..., of all columns; `scratch` may hold them. Valid until the next call
  /// with the same scratch.
  [[nodiscard]] virtual OperandRows read(std::int64_t first, std::int64_t count,
                                         std::vector<float>& scratch) const = 0;
};

/// A matrix in memory, row-major; the caller keeps it alive.
class MatrixOperand : public DenseOperand {
 public:
  /// values: rows x columns, else std::invalid_argument.
  MatrixOperand(std::span<const float> values, std::int64_t rows, std::int64_t columns);

  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t columns() const override { return columns_; }
  [[nodiscard]] OperandRows read(std::int64_t first, std::int64_t count,
                                 std::vector<float>& scratch) const override;

 private:
  std::span<const float> values_;
  std::int64_t rows_;
  std::int64_t columns_;
};

/// The lowered input of one group: row k is the window under output position k. Kept as a matrix
/// where that takes no more than `cache_limit` elements (each panel of the product reads all of it
/// again), else gathered when read.
class ImageOperand : public DenseOperand {
 public:
  static constexpr std::int64_t kDefaultCacheLimit = std::int64_t{1} << 26;

  /// input: shape.input_elements(), alive as long as this object.
  ImageOperand(std::span<const float> input, const ConvShape& shape, std::int64_t group,
               std::int64_t cache_limit = kDefaultCacheLimit);

  [[nodiscard]] std::int64_t rows() const override { return shape_.positions(); }
  [[nodiscard]] std::int64_t columns() const override { return shape_.columns(); }
  [[nodiscard]] OperandRows read(std::int64_t first, std::int64_t count,
                                 std::vector<float>& scratch) const override;

 private:
  std::span<const float> input_;
  ConvShape shape_;
  std::int64_t group_;
  std::vector<float> matrix_;
};

}  // namespace gradpath
