#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/mac/conv.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/scale.hpp"
#include "sim/datapath/replay/datapath.hpp"

namespace gradpath {

/// The numerics of a replay: what happens to values on their way to the array.
struct ReplayNumerics {
  Format gradient_format;  ///< signed and with a zero: the array skips zeros
  CastOptions gradient_cast = {};
  ScalePolicy gradient_scale = {.kind = ScalePolicy::Kind::amax_po2};
  Format operand_format;  ///< of inputs and weights
  CastOptions operand_cast = {};
  ScalePolicy operand_scale = {.kind = ScalePolicy::Kind::amax_po2};
  int prune_random_bits = 24;
  RandomSource random = RandomSource::counter;
};

/// UserError where the datapath cannot carry the formats.
void validate(const ReplayNumerics& numerics);

/// One layer at one step. Tensors in PyTorch's layout; an empty span is one that the trace lacks.
struct LayerTensors {
  ConvShape shape;
  std::span<const float> gradient;
  std::span<const float> input;
  std::span<const float> weight;
  std::uint32_t gradient_element_bytes = 4;  ///< as it lies in DRAM
  float alpha = 0.0f;                        ///< pruning threshold; 0 prunes nothing
  double gradient_expected_max = 0.0;        ///< read by the expected-max scale alone
  Seed prune_seed;
  Seed quantize_seed;
};

/// One product of a layer, all groups together, with the bounds it is to be judged by.
struct GemmReport {
  GemmKind kind = GemmKind::input_gradient;
  std::uint64_t m = 0;  ///< of one group, as n and k
  std::uint64_t n = 0;
  std::uint64_t k = 0;
  std::uint64_t groups = 1;
  double density = 0;        ///< nonzeros / elements of the gradient operand as multiplied
  Cycles cycles = 0;         ///< simulated; groups one after the other
  Cycles dense_cycles = 0;   ///< simulated, the same array without skipping
  Cycles compute_bound = 0;  ///< ceil(nonzero products / multipliers)
  Cycles memory_bound = 0;   ///< ceil(bytes that have to cross DRAM / bytes a cycle)
  Cycles drain_bound = 0;    ///< sums that leave the array / sums that can in a cycle
  double utilization = 0;    ///< macs / (cycles x multipliers)
  std::uint64_t macs = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  double energy_pj = 0;
  std::vector<ModuleStats> modules = {};
  /// dX in the input's layout or dW in the weight's, unscaled; empty where values were not asked.
  std::vector<float> result = {};
};

struct ReplayOptions {
  bool values = true;        ///< compute the results, not only their time
  bool dense_cycles = true;  ///< also run without skipping, for dense_cycles
};

/// Replays dX or dW of a layer on the datapath. dX needs the weight, dW the input:
/// std::invalid_argument where they are missing or sizes do not fit the shape.
[[nodiscard]] GemmReport replay_gemm(Datapath& datapath, const ReplayNumerics& numerics,
                                     const LayerTensors& layer, GemmKind kind,
                                     const ReplayOptions& options = {});

/// The dense operand of one group: weights for dX, the input's windows for dW. values: the whole
/// tensor, alive as long as the operand.
[[nodiscard]] std::unique_ptr<DenseOperand> group_operand(const ConvShape& shape, GemmKind kind,
                                                          std::span<const float> values,
                                                          std::int64_t group);

/// Sizes and DRAM footprints of one group's product.
[[nodiscard]] GemmDemand group_demand(const LayerTensors& layer, GemmKind kind,
                                      const ReplayNumerics& numerics);

/// The scale of a tensor under a policy, from its finite elements.
[[nodiscard]] float tensor_scale(const ScalePolicy& policy, const Format& format,
                                 std::span<const float> values, double expected_max = 0.0);

/// Values of the tensor's codes, the scale not undone: what the array multiplies.
[[nodiscard]] std::vector<float> code_values(const Quantizer& quantizer,
                                             std::span<const float> values, float scale);

}  // namespace gradpath
