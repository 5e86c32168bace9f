#include "models/prune/policies.hpp"

#include <array>
#include <charconv>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/measure.hpp"

namespace gradpath {

std::span<const PrunePolicyRow> prune_policies() {
  static const std::array rows = {
      policies::stochastic(), policies::topk(), policies::ye(),     policies::swat(),
      policies::dithered(),   policies::hard(), policies::random(), policies::nm(),
  };
  return rows;
}

PrunePolicyPtr parse_prune_policy(std::string_view specification) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = specification;;) {
    const std::size_t colon = rest.find(':');
    parts.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  std::string known;
  for (const PrunePolicyRow& row : prune_policies()) {
    if (row.name == parts.front()) {
      PrunePolicyPtr policy = row.make(std::span(parts).subspan(1));
      if (policy != nullptr) return policy;
      throw UserError(fmt::format("pruning policy '{}' is not understood; expected {}",
                                  specification, row.syntax));
    }
    known += known.empty() ? "" : ", ";
    known += row.name;
  }
  throw UserError(
      fmt::format("unknown pruning policy '{}'; expected one of: {}", specification, known));
}

std::optional<double> policies::read_number(std::string_view text, double least, double most) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  const bool good = failure == std::errc() && stop == end && value >= least && value <= most;
  return good ? std::optional(value) : std::nullopt;
}

PruneInput::PruneInput(std::span<const float> values, TensorContext context)
    : values_(values), context_(context) {
  if (context.examples == 0 || values.size() % context.examples != 0) {
    throw std::invalid_argument("PruneInput: the examples do not divide the values");
  }
}

MagnitudeTable& PruneInput::table() {
  if (!table_) table_.emplace(values_);
  return *table_;
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
  if (input.values().size() != out.size()) {
    throw std::invalid_argument("prune_tensor: sizes of in and out differ");
  }
  const PrunePlan plan = policy.plan(input, options);
  policy.apply(plan, input, options, out);
  return measure_result(policy, plan, input, options, out);
}

PruneResult measure_result(const PrunePolicy& policy, const PrunePlan& plan,
                           const PruneInput& input, const PruneOptions& options,
                           std::span<const float> out) {
  const PruneMeasure measure = measure_pruning(input.values(), out);
  const std::size_t numel = out.size();
  return {.target_sparsity = options.target_sparsity,
          .alpha = plan.alpha,
          .predicted_sparsity = plan.predicted_sparsity,
          .reached_sparsity = static_cast<double>(measure.zeros_after) / static_cast<double>(numel),
          .cosine = measure.cosine,
          .mse = measure.mse,
          .bias = measure.bias,
          .bias_error = policy.is_random() ? measure.bias_error : 0.0 * measure.bias_error,
          .numel = numel,
          .zeros_before = measure.zeros_before,
          .zeros_after = measure.zeros_after};
}

}  // namespace gradpath
