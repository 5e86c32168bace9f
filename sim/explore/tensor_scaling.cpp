#include "sim/explore/tensor_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/scale/log_moments.hpp"
#include "models/scale/shift_squeeze.hpp"
#include "models/stats/counts.hpp"
#include "models/stats/fit.hpp"
#include "sim/explore/parallel.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

constexpr double kNoScale = std::numeric_limits<double>::quiet_NaN();

LossScaleInput tensor_extremes(const SelectedTensor& tensor, unsigned threads) {
  const auto slices = for_slices<LossScaleInput>(tensor, threads, [](auto values) {
    const TensorCounts counts = count_tensor(values);
    return LossScaleInput{counts.amax(), counts.infs + counts.nans == 0};
  });
  LossScaleInput whole;
  for (const LossScaleInput& slice : slices) {
    whole.amax = std::max(whole.amax, slice.amax);
    whole.is_finite = whole.is_finite && slice.is_finite;
  }
  return whole;
}

double tensor_amax(const SelectedTensor& tensor, unsigned threads) {
  return tensor_extremes(tensor, threads).amax;
}

LogMoments tensor_log_moments(const SelectedTensor& tensor, unsigned threads) {
  LogMoments whole;
  for (const LogMoments& slice :
       for_slices<LogMoments>(tensor, threads, [](auto values) { return log_moments(values); })) {
    whole.merge(slice);
  }
  return whole;
}

// Numbers that are kept as they are written.
template <class T>
class StoredTensor : public SideTensor {
 public:
  StoredTensor(std::string name, std::vector<std::int64_t> shape, std::vector<T> data)
      : declaration_{std::move(name), sizeof(T) == 4 ? DType::F32 : DType::U8, std::move(shape)},
        data_(std::move(data)) {}
  const TensorDeclaration& declaration() const override { return declaration_; }
  void write(SafetensorsWriter& writer) const override { writer.append(std::span<const T>(data_)); }

 private:
  TensorDeclaration declaration_;
  std::vector<T> data_;
};

void cast_scaled(const Quantizer& quantizer, std::span<const float> in, CastResults out,
                 float scale, CounterRandom random, std::uint64_t first) {
  std::visit(
      [&](auto results) {
        if constexpr (std::is_same_v<decltype(results), std::span<float>>) {
          quantizer.to_values(in, results, scale, random, first);
        } else {
          quantizer.to_codes(in, results, scale, random, first);
        }
      },
      out);
}

// One factor for the tensor.
class OneScale : public TensorScaling {
 public:
  OneScale(const Quantizer& quantizer, const Tensor& tensor, float scale, bool is_written)
      : quantizer_(quantizer), tensor_(tensor), scale_(scale), is_written_(is_written) {}

  double scale() const override { return double{scale_}; }
  std::vector<std::unique_ptr<SideTensor>> side_tensors() const override {
    std::vector<std::unique_ptr<SideTensor>> side;
    if (is_written_) side.push_back(side_tensor(tensor_.name + ".scale", {scale_}));
    return side;
  }
  void scaled(std::uint64_t /*first*/, std::span<const float> in,
              std::span<float> out) const override {
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = in[i] * scale_;
  }
  void cast(std::uint64_t first, std::span<const float> in, CastResults out,
            CounterRandom random) const override {
    cast_scaled(quantizer_, in, out, scale_, random, first);
  }

 private:
  const Quantizer& quantizer_;
  const Tensor& tensor_;
  float scale_;
  bool is_written_;
};

// S2FP8.
class Transformed : public TensorScaling {
 public:
  Transformed(const Quantizer& quantizer, const Tensor& tensor, const ShiftSqueeze& transform)
      : quantizer_(quantizer), tensor_(tensor), transform_(transform) {}

  double scale() const override { return kNoScale; }
  std::vector<std::unique_ptr<SideTensor>> side_tensors() const override {
    std::vector<std::unique_ptr<SideTensor>> side;
    side.push_back(
        side_tensor(tensor_.name + ".shift_squeeze", {transform_.alpha, transform_.beta}));
    return side;
  }
  void scaled(std::uint64_t /*first*/, std::span<const float> in,
              std::span<float> out) const override {
    apply(transform_, in, out);
  }
  void cast(std::uint64_t first, std::span<const float> in, CastResults out,
            CounterRandom random) const override {
    std::vector<float> transformed(in.size());
    apply(transform_, in, transformed);
    cast_scaled(quantizer_, transformed, out, 1.0f, random, first);
    if (const auto* values = std::get_if<std::span<float>>(&out)) {
      undo(transform_, *values, *values);
    }
  }

 private:
  const Quantizer& quantizer_;
  const Tensor& tensor_;
  ShiftSqueeze transform_;
};

// The stored scales of a tensor's blocks, one byte each.
struct BlockScales {
  BlockQuantizer quantizer;
  std::vector<std::uint8_t> codes;
  std::vector<std::int64_t> shape;
};

// The multipliers of the blocks, made from the stored scales as they are written.
class MultiplierTensor : public SideTensor {
 public:
  MultiplierTensor(const Tensor& tensor, const BlockScales& scales)
      : declaration_{tensor.name + ".scale", DType::F32, scales.shape}, scales_(scales) {}
  const TensorDeclaration& declaration() const override { return declaration_; }
  void write(SafetensorsWriter& writer) const override {
    std::vector<float> multipliers;
    const std::span<const std::uint8_t> codes(scales_.codes);
    for (std::size_t begin = 0; begin < codes.size(); begin += kTensorSlice) {
      multipliers.clear();
      for (const auto code :
           codes.subspan(begin, std::min<std::size_t>(kTensorSlice, codes.size() - begin))) {
        multipliers.push_back(scales_.quantizer.multiplier(code));
      }
      writer.append(std::span<const float>(multipliers));
    }
  }

 private:
  TensorDeclaration declaration_;
  const BlockScales& scales_;
};

// MX and NVFP4.
class ByBlocks : public TensorScaling {
 public:
  ByBlocks(const Tensor& tensor, BlockScaling::Kind kind, BlockScales scales)
      : tensor_(tensor), kind_(kind), scales_(std::move(scales)) {}

  double scale() const override { return kNoScale; }
  std::vector<std::unique_ptr<SideTensor>> side_tensors() const override {
    std::vector<std::unique_ptr<SideTensor>> side;
    side.push_back(std::make_unique<MultiplierTensor>(tensor_, scales_));
    const bool two_levels = kind_ == BlockScaling::Kind::nvfp4;
    if (two_levels) {
      side.push_back(
          side_tensor(tensor_.name + ".tensor_scale", {scales_.quantizer.tensor_scale()}));
    }
    side.push_back(std::make_unique<StoredTensor<std::uint8_t>>(
        tensor_.name + (two_levels ? ".scale_e4m3" : ".scale_e8m0"), scales_.shape, scales_.codes));
    return side;
  }
  std::uint64_t cut_at(std::uint64_t element) const override {
    const std::uint64_t group = layout().group_of(element);
    const std::uint64_t begin = layout().group_begin(group);
    return begin == element ? element : layout().group_begin(group + 1);
  }
  void scaled(std::uint64_t first, std::span<const float> in, std::span<float> out) const override {
    const GroupRange groups = groups_of(first, in.size());
    scales_.quantizer.scale_elements(in, groups, codes_of(groups), out);
  }
  void cast(std::uint64_t first, std::span<const float> in, CastResults out,
            CounterRandom random) const override {
    const GroupRange groups = groups_of(first, in.size());
    std::visit(
        [&](auto results) {
          if constexpr (std::is_same_v<decltype(results), std::span<float>>) {
            scales_.quantizer.to_values(in, groups, codes_of(groups), results, random);
          } else {
            scales_.quantizer.to_codes(in, groups, codes_of(groups), results, random);
          }
        },
        out);
  }

 private:
  [[nodiscard]] const BlockLayout& layout() const { return scales_.quantizer.layout(); }
  [[nodiscard]] GroupRange groups_of(std::uint64_t first, std::size_t size) const {
    const std::uint64_t group = layout().group_of(first);
    return {group, layout().group_of(first + size) - group};
  }
  [[nodiscard]] std::span<const std::uint8_t> codes_of(GroupRange groups) const {
    return std::span(scales_.codes)
        .subspan(groups.first * layout().inner, groups.count * layout().inner);
  }

  const Tensor& tensor_;
  BlockScaling::Kind kind_;
  BlockScales scales_;
};

BlockScales find_block_scales(const BlockScaling& scaling, int axis, const Quantizer& quantizer,
                              const SelectedTensor& selected, unsigned threads) {
  const Tensor& tensor = *selected.tensor;
  const BlockLayout layout = block_layout(tensor.shape, axis, scaling.block);
  double amax = 0;
  if (scaling.kind == BlockScaling::Kind::nvfp4) amax = tensor_amax(selected, threads);
  BlockScales scales{
      .quantizer = BlockQuantizer(quantizer, scaling, layout, static_cast<float>(amax)),
      .codes = std::vector<std::uint8_t>(layout.blocks()),
      .shape = block_scale_shape(tensor.shape, axis, scaling.block)};
  if (layout.numel() == 0) return scales;
  const std::uint64_t group_size = std::min(layout.block, layout.length) * layout.inner;
  const std::uint64_t step = std::max<std::uint64_t>(kTensorSlice / group_size, 1);
  parallel_for((layout.groups() + step - 1) / step, threads, [&](std::size_t s) {
    const std::uint64_t first = std::uint64_t{s} * step;
    const GroupRange groups{first, std::min(step, layout.groups() - first)};
    const std::uint64_t begin = layout.group_begin(first);
    std::vector<float> values(layout.group_begin(first + groups.count) - begin);
    read_floats(tensor, begin, values);
    selected.trace->file().release(tensor, begin, values.size());
    scales.quantizer.find_scales(
        values, groups,
        std::span(scales.codes).subspan(first * layout.inner, groups.count * layout.inner));
  });
  return scales;
}

// Makes the scalings, one overload for each alternative of Scaling.
class Resolver {
 public:
  Resolver(int axis, const Quantizer& quantizer, const std::vector<SelectedTensor>& tensors,
           unsigned threads)
      : axis_(axis), quantizer_(quantizer), tensors_(tensors), threads_(threads) {}

  ResolvedScaling operator()(const ScalePolicy& policy) const {
    ResolvedScaling resolved;
    for (const SelectedTensor& selected : tensors_) {
      ScaleStatistics statistics;
      if (policy.kind == ScalePolicy::Kind::amax || policy.kind == ScalePolicy::Kind::amax_po2) {
        statistics.amax = tensor_amax(selected, threads_);
      } else if (policy.kind == ScalePolicy::Kind::expected_max) {
        for_tensor(selected, [&] {
          statistics = scale_statistics(policy, TensorFloats(*selected.tensor).values());
        });
      }
      add(resolved, selected, resolve_scale(policy, quantizer_.format(), statistics),
          policy.kind != ScalePolicy::Kind::none);
    }
    if (policy.kind == ScalePolicy::Kind::expected_max) {
      resolved.notes.emplace_back(
          "expected-max wastes range: on 46 captured gradient tensors its scale lay 6.5 "
          "binades below amax's in the median, as real tensors lack the lognormal's upper tail; "
          "amax-po2 does not");
    }
    return resolved;
  }

  ResolvedScaling operator()(const MeanLogScaling& /*policy*/) const {
    ResolvedScaling resolved;
    for (const SelectedTensor& selected : tensors_) {
      add(resolved, selected, mean_log_scale(tensor_log_moments(selected, threads_)));
    }
    return resolved;
  }

  // A layer's tensors by step; a tensor without a step is a history of its own.
  ResolvedScaling operator()(const DelayedScaling& policy) const {
    std::map<std::string, std::vector<std::pair<std::int64_t, std::size_t>>> histories;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const std::string& name = tensors_[i].tensor->name;
      const auto parts = parse_trace_name(name);
      // A slash first: no layer's path begins so.
      const std::string key =
          parts ? fmt::format("{}/{}", parts->layer, parts->part) : fmt::format("/{}", name);
      histories[key].emplace_back(parts ? parts->step : 0, i);
    }
    std::vector<float> scales(tensors_.size());
    for (auto& [key, steps] : histories) {
      std::ranges::sort(steps);
      std::vector<double> amax;
      for (const auto& [step, i] : steps) {
        amax.push_back(tensor_amax(tensors_[i], threads_));
      }
      const std::vector<float> found = delayed_scales(policy, quantizer_.format(), amax);
      for (std::size_t s = 0; s < steps.size(); ++s) scales[steps[s].second] = found[s];
    }
    ResolvedScaling resolved;
    for (std::size_t i = 0; i < tensors_.size(); ++i) add(resolved, tensors_[i], scales[i]);
    return resolved;
  }

  ResolvedScaling operator()(const LossScaling& policy) const {
    std::map<std::int64_t, LossScaleInput> steps;
    for (const SelectedTensor& selected : tensors_) {
      const LossScaleInput extremes = tensor_extremes(selected, threads_);
      LossScaleInput& step = steps[step_of(selected)];
      step.amax = std::max(step.amax, extremes.amax);
      step.is_finite = step.is_finite && extremes.is_finite;
    }
    std::vector<LossScaleInput> inputs;
    for (const auto& [step, input] : steps) inputs.push_back(input);
    const auto found = loss_scales(policy, quantizer_.format(), inputs);

    ResolvedScaling resolved;
    std::map<std::int64_t, float> scales;
    std::string skipped;
    std::size_t s = 0;
    for (const auto& [step, input] : steps) {
      scales[step] = found[s].scale;
      if (found[s].overflows) skipped += fmt::format("{}{}", skipped.empty() ? "" : ", ", step);
      ++s;
    }
    for (const SelectedTensor& selected : tensors_) {
      add(resolved, selected, scales[step_of(selected)]);
    }
    if (!skipped.empty()) {
      resolved.notes.push_back(
          fmt::format("loss-scaling: training would skip steps that overflow: {}", skipped));
    }
    return resolved;
  }

  ResolvedScaling operator()(const ShiftSqueezeScaling& /*policy*/) const {
    ResolvedScaling resolved;
    for (const SelectedTensor& selected : tensors_) {
      const LogMoments moments = tensor_log_moments(selected, threads_);
      resolved.tensors.push_back(std::make_unique<Transformed>(
          quantizer_, *selected.tensor, shift_squeeze(quantizer_.format(), moments)));
    }
    return resolved;
  }

  ResolvedScaling operator()(const BlockScaling& scaling) const {
    ResolvedScaling resolved;
    for (const SelectedTensor& selected : tensors_) {
      for_tensor(selected, [&] {
        resolved.tensors.push_back(std::make_unique<ByBlocks>(
            *selected.tensor, scaling.kind,
            find_block_scales(scaling, axis_, quantizer_, selected, threads_)));
      });
    }
    return resolved;
  }

 private:
  void add(ResolvedScaling& resolved, const SelectedTensor& selected, float scale,
           bool is_written = true) const {
    resolved.tensors.push_back(
        std::make_unique<OneScale>(quantizer_, *selected.tensor, scale, is_written));
  }
  [[nodiscard]] static std::int64_t step_of(const SelectedTensor& selected) {
    const auto parts = parse_trace_name(selected.tensor->name);
    if (parts) return parts->step;
    throw UserError(
        fmt::format("{}: tensor {} has no step; `scale` loss-scaling needs names "
                    "step{{S}}/LAYER/PART; leave it "
                    "out with `tensors`",
                    selected.trace->path(), quote(selected.tensor->name)));
  }

  int axis_;
  const Quantizer& quantizer_;
  const std::vector<SelectedTensor>& tensors_;
  unsigned threads_;
};

}  // namespace

std::unique_ptr<SideTensor> side_tensor(std::string name, std::vector<float> data) {
  std::vector<std::int64_t> shape{static_cast<std::int64_t>(data.size())};
  return std::make_unique<StoredTensor<float>>(std::move(name), std::move(shape), std::move(data));
}

ScaleStatistics scale_statistics(const ScalePolicy& policy, std::span<const float> values) {
  switch (policy.kind) {
    case ScalePolicy::Kind::none:
    case ScalePolicy::Kind::fixed:
      return {};
    case ScalePolicy::Kind::amax:
    case ScalePolicy::Kind::amax_po2:
      return {.amax = count_tensor(values).amax()};
    case ScalePolicy::Kind::expected_max:
      break;
  }
  const TensorFit fit = fit_tensor(values);
  return {.amax = fit.counts.amax(), .expected_max = fit.expected_max};
}

ResolvedScaling resolve_scaling(const Scaling& scaling, int axis, const Quantizer& quantizer,
                                const std::vector<SelectedTensor>& tensors, unsigned threads) {
  return std::visit(Resolver(axis, quantizer, tensors, threads), scaling);
}

}  // namespace gradpath
