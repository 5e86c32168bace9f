#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/mac/conv.hpp"
#include "models/mac/operand.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/datapath/dataflow/plan.hpp"

namespace gradpath {

/// Where the units' random words come from (docs/numerics.md, "Random words").
enum class RandomSource : std::uint8_t {
  counter,  ///< keyed by the element's index in its tensor: values do not depend on the hardware
  lanes,    ///< one LFSR a lane, in the order of the stream: as the RTL draws them
};

/// Reads `counter` or `lanes`; else UserError.
[[nodiscard]] RandomSource parse_random_source(std::string_view text);
[[nodiscard]] std::string_view random_source_name(RandomSource source);

/// Which of a layer's two backward products.
enum class GemmKind : std::uint8_t {
  input_gradient,   ///< dX = dY W: rows are positions, the reduction runs over outputs
  weight_gradient,  ///< dW = dY^T X: rows are outputs, the reduction runs over positions
};
[[nodiscard]] std::string_view gemm_name(GemmKind kind);  ///< `dX`, `dW`

/// The gradient as the sparse operand A [m, k] of a product of one group, without a copy.
struct GradientOperand {
  std::span<const float> values;  ///< the whole tensor, in memory order
  const ConvShape* shape = nullptr;
  std::int64_t group = 0;
  GemmKind kind = GemmKind::input_gradient;
  std::span<const std::uint32_t> k_order = {};  ///< A's k-th column; empty: the k-th

  /// Index in the tensor of A's element (row, k).
  [[nodiscard]] std::uint64_t index(std::uint64_t row, std::uint64_t k) const {
    const auto r = static_cast<std::int64_t>(row);
    const auto c = static_cast<std::int64_t>(k_order.empty() ? k : k_order[k]);
    return static_cast<std::uint64_t>(kind == GemmKind::input_gradient
                                          ? shape->gradient_index(group, r, c)
                                          : shape->gradient_index(group, c, r));
  }
};

/// The positions 0 .. k - 1 in a fixed stride, a golden section of k, so that neighbours in space,
/// which are zero together, are multiplied at different times.
[[nodiscard]] std::vector<std::uint32_t> interleaved(std::uint64_t k);

/// Takes a product's finished rows, panel by panel, in ascending order.
class ResultSink {
 public:
  ResultSink() = default;
  ResultSink(const ResultSink&) = default;
  ResultSink& operator=(const ResultSink&) = default;
  virtual ~ResultSink() = default;
  /// rows: whole rows of D from first_row on, row-major; still multiplied by the operands' scales.
  virtual void take(std::uint64_t first_row, std::span<const float> rows) = 0;
};

/// One product for the datapath. Everything pointed to outlives the run.
struct GemmWork {
  GemmDemand demand;
  GradientOperand gradient;
  const StochasticPruner* pruner = nullptr;
  const Quantizer* quantizer = nullptr;
  float gradient_scale = 1.0f;
  Seed prune_seed;
  Seed quantize_seed;
  RandomSource random = RandomSource::counter;
  const DenseOperand* operand = nullptr;  ///< values of codes (scale not undone)
  ResultSink* sink = nullptr;             ///< null: time alone, no products are computed
};

}  // namespace gradpath
