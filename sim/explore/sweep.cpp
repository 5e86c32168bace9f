#include "sim/explore/sweep.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/prune/policy.hpp"
#include "models/scale/log_moments.hpp"

namespace gradpath {
namespace {

constexpr std::array<std::string_view, 4> kMethodNames = {"profile", "kernel", "expected",
                                                          "skipped"};

bool is_power_of_two(float scale) {
  int exponent = 0;
  return std::frexp(scale, &exponent) == 0.5f;
}

// OCP's rule gives one scale to all blocks whose largest magnitudes share an exponent.
bool has_profiled_scale(const BlockScaling& blocks) {
  return blocks.kind == BlockScaling::Kind::mx && blocks.rule == ScaleRule::floor;
}

// Of the elements in their order, unlike a profile's checksum.
std::uint64_t ordered_checksum(std::span<const float> values) {
  std::uint64_t hash = values.size();
  for (const float x : values) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

std::string SweepPoint::name() const {
  std::string scaling = scaling_name(scale);
  if (std::holds_alternative<BlockScaling>(scale)) scaling += fmt::format(" axis {}", axis);
  return fmt::format("{} {} {} scale {} sparsity {}{}", gradpath::format_name(format),
                     rounding_name(rounding), overflow_name(overflow), scaling, sparsity,
                     is_expected && sparsity > 0 ? " expected" : "");
}

Scaling parse_sweep_scale(std::string_view text) {
  Scaling scaling = parse_scaling(text);
  if (std::holds_alternative<ScalePolicy>(scaling) ||
      std::holds_alternative<MeanLogScaling>(scaling) ||
      std::holds_alternative<BlockScaling>(scaling)) {
    return scaling;
  }
  throw UserError(fmt::format(
      "`scale` '{}' depends on more than one tensor's values times a scale; sweep takes none, "
      "positive numbers, amax, amax-po2, expected-max, mean-log, mx[:BLOCK[:RULE]], nvfp4[:BLOCK]; "
      "use `gradpath cast`",
      text));
}

std::vector<BlockKey> needed_blocks(std::span<const SweepPoint> points) {
  std::vector<BlockKey> keys;
  for (const SweepPoint& point : points) {
    const auto* blocks = std::get_if<BlockScaling>(&point.scale);
    if (blocks == nullptr || !has_profiled_scale(*blocks) || point.sparsity > 0) continue;
    const BlockKey key{.block = blocks->block, .axis = point.axis};
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

std::vector<SweepPoint> sweep_points(const std::vector<std::string>& formats,
                                     const std::vector<Rounding>& roundings,
                                     const std::vector<Overflow>& overflows,
                                     const std::vector<std::string>& scales, int axis,
                                     const std::vector<double>& sparsities) {
  std::vector<Scaling> scalings;
  std::vector<std::string> names;
  for (const std::string& text : scales) {
    scalings.push_back(parse_sweep_scale(text));
    const auto* policy = std::get_if<ScalePolicy>(&scalings.back());
    names.push_back(policy == nullptr ? text : scale_name(*policy));
  }
  std::vector<SweepPoint> points;
  for (const double sparsity : sparsities) {
    for (const std::string& name : formats) {
      const Format format = parse_format(name);
      for (const Rounding& rounding : roundings) {
        for (const Overflow overflow : overflows) {
          for (std::size_t s = 0; s < scales.size(); ++s) {
            points.push_back({.format_name = name,
                              .format = format,
                              .rounding = rounding,
                              .overflow = overflow,
                              .scale_name = names[s],
                              .scale = scalings[s],
                              .axis = axis,
                              .sparsity = sparsity});
          }
        }
      }
    }
  }
  return points;
}

std::string_view method_name(SweepMethod method) {
  return kMethodNames[static_cast<std::size_t>(method)];
}

SweepMethod parse_method(std::string_view name) {
  const auto found = std::ranges::find(kMethodNames, name);
  if (found == kMethodNames.end()) {
    throw UserError(fmt::format("method '{}' is unknown; expected one of {}", name,
                                fmt::join(kMethodNames, ", ")));
  }
  return static_cast<SweepMethod>(found - kMethodNames.begin());
}

SweepResult SweepResult::without(std::string reason) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  return {.scale = std::numeric_limits<float>::quiet_NaN(),
          .measures = {.mean_relative_error = kNan,
                       .mse = kNan,
                       .cosine = kNan,
                       .sqnr_db = kNan,
                       .bias = kNan,
                       .variance = kNan},
          .method = SweepMethod::skipped,
          .bound = {},
          .skipped = std::move(reason)};
}

std::vector<std::string> split_names(int bits) {
  std::vector<std::string> names;
  for (int exponent_bits = 1; exponent_bits <= std::min(8, bits - 1); ++exponent_bits) {
    if (bits - 1 - exponent_bits > 23) continue;
    names.push_back(fmt::format("e{}m{}f", exponent_bits, bits - 1 - exponent_bits));
  }
  return names;
}

double zero_fraction_bound(const SweepResult& result) {
  const auto n = static_cast<double>(result.measures.numel);
  return result.bound.zeros == 0 ? 0.0 : result.bound.zeros / n;
}

TensorSweep::TensorSweep(SweepTensor tensor, Seed seed)
    : tensor_(std::move(tensor)),
      seed_(seed),
      table_(tensor_.profile),
      amax_(tensor_.profile.counts().amax()) {
  for (const auto& [key, blocks] : tensor_.blocks) block_tables_.emplace(key, blocks);
}

std::string TensorSweep::profile_identity(const SweepPoint& point) const {
  const auto* scaling = std::get_if<BlockScaling>(&point.scale);
  if (scaling == nullptr) return "";
  const auto found = tensor_.blocks.find({.block = scaling->block, .axis = point.axis});
  if (found == tensor_.blocks.end()) return "";
  std::uint64_t hash = 0;
  for (const auto& [exponent, part] : found->second.classes()) {
    for (const auto word : {static_cast<std::uint64_t>(exponent), part.numel(), part.checksum()}) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
  }
  return fmt::format("blocks {:016x}", hash);
}

const std::string& TensorSweep::kernel_identity() {
  if (kernel_identity_.empty() && tensor_.values) {
    std::string shape;
    for (const std::int64_t size : tensor_.shape) shape += fmt::format("{}x", size);
    kernel_identity_ =
        fmt::format("order {:016x} shape {} seed {} name {}", ordered_checksum(*tensor_.values),
                    shape, seed_.value, tensor_.name);
  }
  return kernel_identity_;
}

float TensorSweep::scale_of(const SweepPoint& point) const {
  if (const auto* policy = std::get_if<ScalePolicy>(&point.scale)) {
    return resolve_scale(*policy, point.format,
                         {.amax = amax_, .expected_max = table_.expected_max()});
  }
  if (std::holds_alternative<MeanLogScaling>(point.scale)) {
    const auto n = static_cast<double>(tensor_.profile.nonzeros());
    return mean_log_scale({.nonzeros = tensor_.profile.nonzeros(),
                           .sum_log2 = table_.mean_log2() * n,
                           .amax = amax_});
  }
  return std::numeric_limits<float>::quiet_NaN();
}

std::string_view TensorSweep::ask_profile(const SweepPoint& point, SweepResult& result) {
  const bool prunes = point.sparsity > 0;
  if (prunes && !point.is_expected) {
    return "pruning works on the elements (`pruning` expected takes its expectation)";
  }
  const CastOptions options{.rounding = point.rounding, .overflow = point.overflow};
  const float scale = scale_of(point);
  if (const auto* blocks = std::get_if<BlockScaling>(&point.scale)) {
    if (prunes) return "pruning changes the blocks' scales";
    if (!has_profiled_scale(*blocks)) return "the scales of the blocks depend on their elements";
    const auto table = block_tables_.find({.block = blocks->block, .axis = point.axis});
    if (table == block_tables_.end()) {
      return "it lacks these blocks (`gradpath profile --blocks` and `axis`)";
    }
    const auto answer = table->second.measure(point.format, options);
    result = {scale, answer.measures, SweepMethod::profile, {}, {}};
    return answer.refusal;
  }
  if (!is_power_of_two(scale)) return "the scale is no power of two";
  if (prunes) {
    const auto& pruned =
        pruned_profiles_.try_emplace(point.sparsity, tensor_.profile, point.sparsity).first->second;
    const auto answer = pruned.measure(point.format, options, std::ilogb(scale));
    result = {scale, answer.measures, SweepMethod::expected, answer.bound, {}};
    return answer.refusal;
  }
  const auto answer = table_.measure(point.format, options, std::ilogb(scale));
  result = {scale, answer.measures, SweepMethod::profile, {}, {}};
  return answer.refusal;
}

std::optional<SweepResult> TensorSweep::by_profile(const SweepPoint& point) {
  SweepResult result;
  if (!ask_profile(point, result).empty()) return std::nullopt;
  return result;
}

SweepResult TensorSweep::by_kernel(const SweepPoint& point) {
  if (!tensor_.values) {
    SweepResult ignored;
    const std::string_view refusal = ask_profile(point, ignored);
    throw UserError(fmt::format(
        "{}: cannot be answered from a profile: {}; give the trace instead of its profile",
        point.name(), refusal.empty() ? "brute force casts the elements" : refusal));
  }
  const float scale = scale_of(point);
  const CastOptions options{.rounding = point.rounding, .overflow = point.overflow};
  const CounterRandom random(tensor_seed(seed_, RandomUnit::quantizer, tensor_.name));
  const auto input = pruned(point.sparsity);
  if (const auto* blocks = std::get_if<BlockScaling>(&point.scale)) {
    const BlockLayout layout = block_layout(tensor_.shape, point.axis, blocks->block);
    return {
        scale,
        measure_by_casting(point.format, options, *blocks, layout, input, *tensor_.values, random),
        SweepMethod::kernel,
        {},
        {}};
  }
  return {scale,
          measure_by_casting(point.format, options, scale, input, *tensor_.values, random),
          SweepMethod::kernel,
          {},
          {}};
}

std::span<const float> TensorSweep::pruned(double sparsity) {
  if (sparsity == 0) return *tensor_.values;
  if (sparsity != pruned_sparsity_) {
    PruneInput input(*tensor_.values);
    PruneOptions options;
    options.target_sparsity = sparsity;
    options.seed = tensor_seed(seed_, RandomUnit::pruner, tensor_.name);
    pruned_.resize(tensor_.values->size());
    static_cast<void>(prune_tensor(*parse_prune_policy("stochastic"), input, options, pruned_));
    pruned_sparsity_ = sparsity;
  }
  return pruned_;
}

}  // namespace gradpath
