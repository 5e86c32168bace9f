#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/mac/gemm_error.hpp"
#include "models/mac/low_precision_gemm.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/scale.hpp"
#include "sim/explore/column.hpp"
#include "sim/explore/selected_tensor.hpp"

namespace gradpath {

/// How a tensor becomes a side of a product.
struct OperandCast {
  Format format;
  ScalePolicy scale = {};
  CastOptions options = {};
  bool transpose = false;
  Seed seed = {};
  bool keeps_inputs = false;
};

/// A side of a product.
struct Operand {
  float scale = 1.0f;
  FormatMatrix matrix;              ///< as cast, still scaled
  std::vector<double> inputs = {};  ///< as read, if they are kept
};

/// Casts a matrix. Elements keep the random words of their place in the file, so that a transposed
/// one has the same values. UserError for a tensor that is no matrix of numbers.
[[nodiscard]] Operand cast_operand(const SelectedTensor& selected, const OperandCast& cast);

/// The product of two matrices of [m, k] and [k, n] divided by `scale`, in double, row by row.
[[nodiscard]] std::vector<double> reference_product(std::span<const double> a,
                                                    std::span<const double> b, std::int64_t m,
                                                    std::int64_t n, std::int64_t k, double scale,
                                                    unsigned threads);

/// A row of the verb's table, and one of its histogram.
struct ProductRow {
  std::string trace;
  std::string tensor = "D";
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::string a_format;
  std::string b_format;
  std::string accumulator;
  float a_scale = 1.0f;
  float b_scale = 1.0f;
  std::string reference = {};
  GemmError error = {};
  UlpBin bin = {};
};
[[nodiscard]] std::span<const Column<ProductRow>> product_columns();
[[nodiscard]] std::span<const Column<ProductRow>> product_error_columns();
[[nodiscard]] std::span<const Column<ProductRow>> ulp_histogram_columns();

}  // namespace gradpath
