#include "sim/explore/sweep.hpp"

#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/prune/policy.hpp"

namespace gradpath {
namespace {

bool is_power_of_two(float scale) {
  int exponent = 0;
  return std::frexp(scale, &exponent) == 0.5f;
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
  return fmt::format("{} {} {} scale {} sparsity {}", gradpath::format_name(format),
                     rounding_name(rounding), overflow_name(overflow), scale_name(scale), sparsity);
}

std::vector<SweepPoint> sweep_points(const std::vector<std::string>& formats,
                                     const std::vector<Rounding>& roundings,
                                     const std::vector<Overflow>& overflows,
                                     const std::vector<ScalePolicy>& scales,
                                     const std::vector<double>& sparsities) {
  std::vector<SweepPoint> points;
  for (const double sparsity : sparsities) {
    for (const std::string& name : formats) {
      const Format format = parse_format(name);
      for (const Rounding& rounding : roundings) {
        for (const Overflow overflow : overflows) {
          for (const ScalePolicy& scale : scales) {
            points.push_back({name, format, rounding, overflow, scale, sparsity});
          }
        }
      }
    }
  }
  return points;
}

std::string_view method_name(SweepMethod method) {
  return method == SweepMethod::profile ? "profile" : "kernel";
}

TensorSweep::TensorSweep(const Profile& profile, std::optional<std::span<const float>> values,
                         Seed seed, std::string name)
    : table_(profile),
      amax_(profile.counts().amax()),
      values_(values),
      seed_(seed),
      name_(std::move(name)) {}

const std::string& TensorSweep::kernel_identity() {
  if (kernel_identity_.empty() && values_) {
    kernel_identity_ = fmt::format("order {:016x} seed {} name {}", ordered_checksum(*values_),
                                   seed_.value, name_);
  }
  return kernel_identity_;
}

float TensorSweep::scale_of(const SweepPoint& point) const {
  return resolve_scale(point.scale, point.format,
                       {.amax = amax_, .expected_max = table_.expected_max()});
}

std::string_view TensorSweep::ask_profile(const SweepPoint& point, SweepResult& result) const {
  if (point.sparsity > 0) return "pruning works on the elements";
  const float scale = scale_of(point);
  if (!is_power_of_two(scale)) return "the scale is no power of two";
  const CastOptions options{.rounding = point.rounding, .overflow = point.overflow};
  const auto answer = table_.measure(point.format, options, std::ilogb(scale));
  result = {scale, answer.measures, SweepMethod::profile};
  return answer.refusal;
}

std::optional<SweepResult> TensorSweep::by_profile(const SweepPoint& point) const {
  SweepResult result;
  if (!ask_profile(point, result).empty()) return std::nullopt;
  return result;
}

SweepResult TensorSweep::by_kernel(const SweepPoint& point) {
  if (!values_) {
    SweepResult ignored;
    const std::string_view refusal = ask_profile(point, ignored);
    throw UserError(fmt::format(
        "{}: cannot be answered from a profile: {}; give the trace instead of its profile",
        point.name(), refusal.empty() ? "brute force casts the elements" : refusal));
  }
  const float scale = scale_of(point);
  const CastOptions options{.rounding = point.rounding, .overflow = point.overflow};
  const CounterRandom random(tensor_seed(seed_, RandomUnit::quantizer, name_));
  return {
      scale,
      measure_by_casting(point.format, options, scale, pruned(point.sparsity), *values_, random),
      SweepMethod::kernel};
}

std::span<const float> TensorSweep::pruned(double sparsity) {
  if (sparsity == 0) return *values_;
  if (sparsity != pruned_sparsity_) {
    PruneInput input(*values_);
    PruneOptions options;
    options.target_sparsity = sparsity;
    options.seed = tensor_seed(seed_, RandomUnit::pruner, name_);
    pruned_.resize(values_->size());
    static_cast<void>(prune_tensor(*parse_prune_policy("stochastic"), input, options, pruned_));
    pruned_sparsity_ = sparsity;
  }
  return pruned_;
}

}  // namespace gradpath
