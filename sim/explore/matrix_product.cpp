#include "sim/explore/matrix_product.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/mac/gemm.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/tensor_scaling.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

std::vector<double> transposed(const std::vector<double>& values, std::int64_t rows,
                               std::int64_t columns) {
  std::vector<double> result(values.size());
  std::size_t from = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      result[static_cast<std::size_t>(c * rows + r)] = values[from++];
    }
  }
  return result;
}

using Row = ProductRow;
template <auto Member>
Column<Row> error(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&Row::error, Member>(name, unit, meaning);
}

const auto kTrace = column<&Row::trace>("trace", "", "path of the first trace");
const auto kTensor = column<&Row::tensor>("tensor", "", "the product, D = A·B");
const auto kReference = column<&Row::reference>(
    "reference", "",
    "what D is compared with: sums in double of the operands as `cast` or of the "
    "`inputs`");

const auto kColumns = std::to_array<Column<Row>>({
    kTrace,
    kTensor,
    column<&Row::m>("m", "1", "rows of A and D"),
    column<&Row::n>("n", "1", "columns of B and D"),
    column<&Row::k>("k", "1", "columns of A, rows of B"),
    column<&Row::a_format>("a_format", "", "format that A was cast to"),
    column<&Row::b_format>("b_format", "", "the same of B"),
    column<&Row::accumulator>("accumulator", "", "how products are summed"),
    column<&Row::a_scale>("a_scale", "1", "what A was multiplied by before the cast"),
    column<&Row::b_scale>("b_scale", "1", "the same of B"),
});
const auto kErrorColumns = std::to_array<Column<Row>>({
    kReference,
    error<&GemmError::elements>("elements", "elements", "of D that are compared"),
    error<&GemmError::not_finite>("not_finite", "elements",
                                  "not compared: D or reference is not "
                                  "finite"),
    error<&GemmError::max_absolute>("max_absolute_error", "d", "largest \\|d − reference\\|"),
    error<&GemmError::mean_absolute>("mean_absolute_error", "d", "its mean"),
    error<&GemmError::max_relative>("max_relative_error", "1",
                                    "largest \\|d − reference\\| / \\|reference\\| where that is "
                                    "not 0"),
    error<&GemmError::mean_relative>("mean_relative_error", "1", "its mean"),
    error<&GemmError::max_ulp>("max_ulp_error", "ulp",
                               "largest error in units in the last place of the accumulator"),
    error<&GemmError::mean_ulp>("mean_ulp_error", "ulp", "its mean"),
});
const auto kHistogramColumns = std::to_array<Column<Row>>({
    kTrace,
    kTensor,
    kReference,
    column<&Row::bin, &UlpBin::ulp_from>("ulp_from", "ulp", "smallest error of the bin"),
    column<&Row::bin, &UlpBin::ulp_to>("ulp_to", "ulp", "its end"),
    column<&Row::bin, &UlpBin::count>("count", "elements", "in the bin"),
});

}  // namespace

Operand cast_operand(const SelectedTensor& selected, const OperandCast& cast) {
  const Tensor& tensor = *selected.tensor;
  if (!is_readable_as_float(tensor.dtype)) {
    throw UserError(
        fmt::format("dtype is {}, expected F32, BF16, F16 or F64", dtype_name(tensor.dtype)));
  }
  if (tensor.shape.size() != 2) {
    throw UserError(fmt::format("shape is {}, expected the two dimensions of a matrix",
                                shape_text(tensor.shape)));
  }
  const TensorFloats floats(tensor);
  Operand operand{.scale = resolve_scale(cast.scale, cast.format,
                                         scale_statistics(cast.scale, floats.values())),
                  .matrix = {cast.format, tensor.shape[0], tensor.shape[1], {}}};
  std::vector<std::uint32_t> codes(floats.values().size());
  Quantizer(cast.format, cast.options)
      .to_codes<std::uint32_t>(
          floats.values(), codes, operand.scale,
          CounterRandom(tensor_seed(cast.seed, RandomUnit::quantizer, tensor.name)));
  FormatMatrix& matrix = operand.matrix;
  for (const std::uint32_t code : codes) matrix.values.push_back(decode(cast.format, code));
  if (cast.keeps_inputs) operand.inputs.assign(floats.values().begin(), floats.values().end());
  if (!cast.transpose) return operand;
  matrix.values = transposed(matrix.values, matrix.rows, matrix.columns);
  if (cast.keeps_inputs) operand.inputs = transposed(operand.inputs, matrix.rows, matrix.columns);
  std::swap(matrix.rows, matrix.columns);
  return operand;
}

std::vector<double> reference_product(std::span<const double> a, std::span<const double> b,
                                      std::int64_t m, std::int64_t n, std::int64_t k, double scale,
                                      unsigned threads) {
  const auto rows = static_cast<std::size_t>(m);
  const auto columns = static_cast<std::size_t>(n);
  const auto depth = static_cast<std::size_t>(k);
  std::vector<double> result(rows * columns);
  parallel_for(rows, threads, [&](std::size_t row) {
    const auto d = std::span(result).subspan(row * columns, columns);
    reference_row(a.subspan(row * depth, depth), b, d);
    for (double& value : d) value /= scale;
  });
  return result;
}

std::span<const Column<ProductRow>> product_columns() { return kColumns; }
std::span<const Column<ProductRow>> product_error_columns() { return kErrorColumns; }
std::span<const Column<ProductRow>> ulp_histogram_columns() { return kHistogramColumns; }

}  // namespace gradpath
