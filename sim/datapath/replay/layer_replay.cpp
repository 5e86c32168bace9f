#include "sim/datapath/replay/layer_replay.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/mac/gemm.hpp"
#include "sim/datapath/energy.hpp"

namespace gradpath {
namespace {

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }
std::size_t as_size(std::int64_t value) { return static_cast<std::size_t>(value); }

/// dX: each row of the product is the gradient of one window.
class ImageSink : public ResultSink {
 public:
  ImageSink(const ConvShape& shape, std::int64_t group, float gradient_scale, float operand_scale,
            std::span<float> image)
      : shape_(shape),
        group_(group),
        gradient_scale_(gradient_scale),
        operand_scale_(operand_scale),
        image_(image) {}

  void take(std::uint64_t first_row, std::span<const float> rows) override {
    const std::size_t n = as_size(shape_.columns());
    std::vector<float> unscaled(rows.begin(), rows.end());
    unscale(unscaled, gradient_scale_, operand_scale_);
    for (std::size_t r = 0; r < rows.size() / n; ++r) {
      col2im_add_row(shape_, group_, static_cast<std::int64_t>(first_row + r),
                     std::span<const float>(unscaled).subspan(r * n, n), image_);
    }
  }

 private:
  const ConvShape& shape_;
  std::int64_t group_;
  float gradient_scale_;
  float operand_scale_;
  std::span<float> image_;
};

/// dW: the rows of the product are the rows of the weight.
class WeightSink : public ResultSink {
 public:
  WeightSink(const ConvShape& shape, std::int64_t group, float gradient_scale, float operand_scale,
             std::span<float> weight)
      : columns_(as_size(shape.columns())),
        first_(as_size(group * shape.group_outputs()) * columns_),
        gradient_scale_(gradient_scale),
        operand_scale_(operand_scale),
        weight_(weight) {}

  void take(std::uint64_t first_row, std::span<const float> rows) override {
    const std::span<float> out = weight_.subspan(first_ + first_row * columns_, rows.size());
    std::copy(rows.begin(), rows.end(), out.begin());
    unscale(out, gradient_scale_, operand_scale_);
  }

 private:
  std::size_t columns_;
  std::size_t first_;
  float gradient_scale_;
  float operand_scale_;
  std::span<float> weight_;
};

/// What the groups of one product share.
struct Shared {
  const LayerTensors& layer;
  GemmKind kind;
  StochasticPruner pruner;
  Quantizer gradient_quantizer;
  float gradient_scale;
  float operand_scale;
  std::vector<float> operand_values;
  std::vector<std::uint32_t> k_order;  ///< empty: as it is
};

void check_sizes(const LayerTensors& layer, GemmKind kind) {
  validate(layer.shape);
  const auto fits = [](std::span<const float> values, std::int64_t elements) {
    return values.size() == as_size(elements);
  };
  const bool operand_fits = kind == GemmKind::input_gradient
                                ? fits(layer.weight, layer.shape.weight_elements())
                                : fits(layer.input, layer.shape.input_elements());
  if (!fits(layer.gradient, layer.shape.gradient_elements()) || !operand_fits) {
    throw std::invalid_argument("replay_gemm: a tensor is missing or does not fit the shape");
  }
}

/// Found here, a NaN is named by its place in the tensor; the quantizer stage knows only its burst.
void check_nans(const LayerTensors& layer, const ReplayNumerics& numerics) {
  if (numerics.gradient_format.has_nan() || numerics.gradient_cast.nan != NanPolicy::error) return;
  const auto nan = std::find_if(layer.gradient.begin(), layer.gradient.end(),
                                [](float value) { return std::isnan(value); });
  if (nan == layer.gradient.end()) return;
  throw UserError(
      fmt::format("element {} is NaN, which {} has no code for; choose `nan` zero or "
                  "`nan` max, or a format with NaN",
                  nan - layer.gradient.begin(), format_name(numerics.gradient_format)));
}

/// The operand's values; an error says which tensor it means.
std::vector<float> quantized_operand(const Quantizer& quantizer, std::span<const float> operand,
                                     float scale, GemmKind kind) {
  try {
    return code_values(quantizer, operand, scale);
  } catch (const UserError& error) {
    throw UserError(fmt::format(
        "the layer's {}: {}", kind == GemmKind::input_gradient ? "weight" : "input", error.what()));
  }
}

void add_modules(std::vector<ModuleStats>& sum, const std::vector<ModuleStats>& run) {
  if (sum.empty()) {
    sum = run;
    return;
  }
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += run[i];
}

/// Totals over the groups that the report is made of.
struct Totals {
  std::uint64_t nonzeros = 0;
  std::uint64_t minimum_bytes = 0;
};

void run_group(Datapath& datapath, const Shared& shared, const ReplayNumerics& numerics,
               std::int64_t group, const ReplayOptions& options, GemmReport& report,
               Totals& totals) {
  const LayerTensors& layer = shared.layer;
  const std::unique_ptr<DenseOperand> operand =
      shared.operand_values.empty()
          ? nullptr
          : group_operand(layer.shape, shared.kind, shared.operand_values, group);
  ImageSink image(layer.shape, group, shared.gradient_scale, shared.operand_scale, report.result);
  WeightSink weight(layer.shape, group, shared.gradient_scale, shared.operand_scale, report.result);
  ResultSink* sink = shared.kind == GemmKind::input_gradient ? static_cast<ResultSink*>(&image)
                                                             : static_cast<ResultSink*>(&weight);
  GemmWork work{.demand = group_demand(layer, shared.kind, numerics),
                .gradient = {.values = layer.gradient,
                             .shape = &layer.shape,
                             .group = group,
                             .kind = shared.kind,
                             .k_order = shared.k_order},
                .pruner = &shared.pruner,
                .quantizer = &shared.gradient_quantizer,
                .gradient_scale = shared.gradient_scale,
                .prune_seed = layer.prune_seed,
                .quantize_seed = layer.quantize_seed,
                .random = numerics.random,
                .operand = operand.get(),
                .sink = options.values ? sink : nullptr};
  const GemmRun run = datapath.run(work);
  report.cycles += run.cycles;
  report.macs += run.macs;
  report.bytes_read += run.dram_bytes_read;
  report.bytes_written += run.dram_bytes_written;
  report.drain_bound += ceil_div(run.drained_sums, datapath.config().drain_width());
  add_modules(report.modules, run.modules);
  totals.nonzeros += run.nonzeros;
  totals.minimum_bytes += work.demand.minimum_bytes();

  if (!datapath.config().dispatch->skips()) {
    report.dense_cycles += run.cycles;
  } else if (options.dense_cycles) {
    work.sink = nullptr;
    Timeline* const timeline = datapath.timeline();
    datapath.set_timeline(nullptr);
    report.dense_cycles += datapath.run(work, *parse_dispatch("dense")).cycles;
    datapath.set_timeline(timeline);
  }
}

EnergyEvents energy_events(const GemmReport& report) {
  EnergyEvents events{.macs = report.macs, .dram_bytes = report.bytes_read + report.bytes_written};
  for (const ModuleStats& module : report.modules) {
    events.sram_bytes += module.sram_bytes;
    if (module.module == "pruner") events.pruned_elements = module.elements_in;
    if (module.module == "quantizer") events.quantized_elements = module.elements_in;
  }
  return events;
}

}  // namespace

std::unique_ptr<DenseOperand> group_operand(const ConvShape& shape, GemmKind kind,
                                            std::span<const float> values, std::int64_t group) {
  if (kind == GemmKind::weight_gradient) {
    return std::make_unique<ImageOperand>(values, shape, group);
  }
  const std::size_t count = as_size(shape.group_outputs() * shape.columns());
  return std::make_unique<MatrixOperand>(values.subspan(as_size(group) * count, count),
                                         shape.group_outputs(), shape.columns());
}

GemmDemand group_demand(const LayerTensors& layer, GemmKind kind, const ReplayNumerics& numerics) {
  const ConvShape& shape = layer.shape;
  const auto positions = static_cast<std::uint64_t>(shape.positions());
  const auto outputs = static_cast<std::uint64_t>(shape.group_outputs());
  const auto columns = static_cast<std::uint64_t>(shape.columns());
  const auto group_weights = outputs * columns;
  const auto operand_bits = static_cast<std::uint64_t>(numerics.operand_format.bits());
  const bool is_dx = kind == GemmKind::input_gradient;
  const std::uint64_t operand_elements =
      is_dx ? group_weights : static_cast<std::uint64_t>(shape.touched_inputs_of_group());
  const std::uint64_t output_elements =
      is_dx ? static_cast<std::uint64_t>(shape.input_elements() / shape.groups) : group_weights;
  return {.m = is_dx ? positions : outputs,
          .n = columns,
          .k = is_dx ? outputs : positions,
          .gradient_bytes = positions * outputs * layer.gradient_element_bytes,
          .operand_bytes = ceil_div(operand_elements * operand_bits, 8),
          .output_bytes = output_elements * sizeof(float),
          .gradient_bits = numerics.gradient_format.bits(),
          .operand_bits = numerics.operand_format.bits()};
}

void validate(const ReplayNumerics& numerics) {
  if (!numerics.gradient_format.has_zero || !numerics.gradient_format.is_signed) {
    throw UserError(
        fmt::format("`format` {} cannot carry gradients here; expected a signed format "
                    "with a zero, as e5m2",
                    format_name(numerics.gradient_format)));
  }
  if (!numerics.operand_format.has_zero || !numerics.operand_format.is_signed) {
    throw UserError(
        fmt::format("`operand-format` {} cannot carry weights and inputs; expected a "
                    "signed format with a zero, as e4m3fn",
                    format_name(numerics.operand_format)));
  }
  if (numerics.operand_cast.rounding.is_stochastic()) {
    throw UserError(
        fmt::format("`operand-round` {} is stochastic; expected rne, rna, rtz, rup, rdn or rto: "
                    "weights and inputs were cast in the forward pass",
                    rounding_name(numerics.operand_cast.rounding)));
  }
}

float tensor_scale(const ScalePolicy& policy, const Format& format, std::span<const float> values,
                   double expected_max) {
  float amax = 0.0f;
  for (const float value : values) {
    if (std::isfinite(value)) amax = std::max(amax, std::fabs(value));
  }
  return resolve_scale(policy, format, ScaleStatistics{.amax = amax, .expected_max = expected_max});
}

std::vector<float> code_values(const Quantizer& quantizer, std::span<const float> values,
                               float scale) {
  std::vector<Code> codes(values.size());
  quantizer.to_codes<Code>(values, codes, scale);
  std::vector<float> result(values.size());
  std::transform(codes.begin(), codes.end(), result.begin(),
                 [&](Code code) { return quantizer.value(code); });
  return result;
}

GemmReport replay_gemm(Datapath& datapath, const ReplayNumerics& numerics,
                       const LayerTensors& layer, GemmKind kind, const ReplayOptions& options) {
  validate(numerics);
  check_sizes(layer, kind);
  check_nans(layer, numerics);
  const bool is_dx = kind == GemmKind::input_gradient;
  const std::span<const float> operand = is_dx ? layer.weight : layer.input;
  const float operand_scale =
      tensor_scale(numerics.operand_scale, numerics.operand_format, operand);
  const Quantizer operand_quantizer(numerics.operand_format, numerics.operand_cast);
  const Shared shared{
      .layer = layer,
      .kind = kind,
      .pruner = StochasticPruner(layer.alpha, numerics.prune_random_bits),
      .gradient_quantizer = Quantizer(numerics.gradient_format, numerics.gradient_cast),
      .gradient_scale = tensor_scale(numerics.gradient_scale, numerics.gradient_format,
                                     layer.gradient, layer.gradient_expected_max),
      .operand_scale = operand_scale,
      .operand_values = options.values || datapath.config().dispatch->is_two_sided()
                            ? quantized_operand(operand_quantizer, operand, operand_scale, kind)
                            : std::vector<float>{},
      .k_order = datapath.config().interleaves_k
                     ? interleaved(group_demand(layer, kind, numerics).k)
                     : std::vector<std::uint32_t>{}};

  const GemmDemand demand = group_demand(layer, kind, numerics);
  GemmReport report{.kind = kind,
                    .m = demand.m,
                    .n = demand.n,
                    .k = demand.k,
                    .groups = static_cast<std::uint64_t>(layer.shape.groups)};
  if (options.values) {
    report.result.assign(
        as_size(is_dx ? layer.shape.input_elements() : layer.shape.weight_elements()), 0.0f);
  }
  Totals totals;
  for (std::int64_t group = 0; group < layer.shape.groups; ++group) {
    run_group(datapath, shared, numerics, group, options, report, totals);
  }

  const DatapathConfig& config = datapath.config();
  const std::uint64_t multipliers = std::uint64_t{config.array_rows} * config.array_columns;
  report.density = static_cast<double>(totals.nonzeros) /
                   static_cast<double>(demand.m * demand.k * report.groups);
  report.compute_bound = ceil_div(
      config.dispatch->is_two_sided() ? report.macs : totals.nonzeros * demand.n, multipliers);
  report.memory_bound = ceil_div(totals.minimum_bytes, config.dram_bytes_per_cycle);
  report.utilization = static_cast<double>(report.macs) / static_cast<double>(report.cycles) /
                       static_cast<double>(multipliers);
  report.energy_pj = energy_pj(config.energy, energy_events(report), numerics.gradient_format,
                               numerics.operand_format);
  if (report.cycles < std::max({report.compute_bound, report.memory_bound, report.drain_bound})) {
    throw SimulationFault(
        fmt::format("{} cycles beat the lower bounds: compute {}, memory {}, drain {}",
                    report.cycles, report.compute_bound, report.memory_bound, report.drain_bound));
  }
  return report;
}

}  // namespace gradpath
