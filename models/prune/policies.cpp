#include "models/prune/policies.hpp"

#include <array>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/measure.hpp"

namespace gradpath {

std::span<const PrunePolicy> prune_policies() {
  static const std::array policies = {
      policies::stochastic(),
  };
  return policies;
}

const PrunePolicy& find_prune_policy(std::string_view name) {
  std::string known;
  for (const PrunePolicy& policy : prune_policies()) {
    if (policy.name == name) return policy;
    known += known.empty() ? "" : ", ";
    known += policy.name;
  }
  throw UserError(fmt::format("unknown pruning policy '{}'; expected one of: {}", name, known));
}

AlphaMode parse_alpha_mode(std::string_view text) {
  for (const AlphaMode mode : {AlphaMode::exact, AlphaMode::lognormal}) {
    if (alpha_mode_name(mode) == text) return mode;
  }
  throw UserError(fmt::format("unknown threshold '{}'; expected exact or lognormal", text));
}

std::string_view alpha_mode_name(AlphaMode mode) {
  switch (mode) {
    case AlphaMode::exact:
      return "exact";
    case AlphaMode::lognormal:
      break;
  }
  return "lognormal";
}

const SortedMagnitudes& PruneInput::sorted() {
  if (!sorted_) sorted_.emplace(values_);
  return *sorted_;
}

const TensorFit& PruneInput::fit() {
  if (!fit_) fit_ = fit_tensor(sorted());
  return *fit_;
}

PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input, const PruneOptions& options,
                         std::span<float> out) {
  const std::span<const float> in = input.values();
  if (in.size() != out.size()) {
    throw std::invalid_argument("prune_tensor: sizes of in and out differ");
  }
  const PrunePlan plan = policy.plan(input, options);
  policy.apply(plan, options, in, out);
  const PruneMeasure measure = measure_pruning(in, out);
  return {
      .target_sparsity = options.target_sparsity,
      .alpha = plan.alpha,
      .predicted_sparsity = plan.predicted_sparsity,
      .reached_sparsity = static_cast<double>(measure.zeros_after) / static_cast<double>(in.size()),
      .cosine = measure.cosine,
      .mse = measure.mse,
      .numel = in.size(),
      .zeros_before = measure.zeros_before,
      .zeros_after = measure.zeros_after};
}

}  // namespace gradpath
