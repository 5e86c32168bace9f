#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "models/prune/measure.hpp"
#include "models/prune/nm_block.hpp"
#include "models/prune/policy.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath {
namespace policies {
// Defined in NAME_policy.cpp; those that keep the largest in magnitude_policies.cpp.
PrunePolicyPtr make_stochastic(const Parameters& p);
PrunePolicyPtr make_topk(const Parameters& p);
PrunePolicyPtr make_ye(const Parameters& p);
PrunePolicyPtr make_swat(const Parameters& p);
PrunePolicyPtr make_dithered(const Parameters& p);
PrunePolicyPtr make_hard(const Parameters& p);
PrunePolicyPtr make_random(const Parameters& p);
PrunePolicyPtr make_nm(const Parameters& p);
}  // namespace policies

namespace {

constexpr std::array<PrunePolicyRow, 8> kPolicies = {{
    {{"stochastic",
      "|x| < alpha becomes alpha with probability |x|/alpha, else 0: unbiased",
      {Parameter::of(Parameter::Kind::rest, "ALPHA", "where alpha comes from", alpha_grammar)
           .optional()},
      "arXiv 2006.08173"},
     policies::make_stochastic},
    {{"topk",
      "keeps the largest |x|",
      {Parameter::of(Parameter::Kind::word, "tensor|example",
                     "of all, or of each slice of the "
                     "first dimension")
           .optional("tensor")}},
     policies::make_topk},
    {{"ye", "stochastic at the threshold under which a normal distribution has a share S"},
     policies::make_ye},
    {{"swat", "topk on .../weight and .../input, all other tensors stay dense"},
     policies::make_swat},
    {{"dithered",
      "unbiased multiples of D = K std(x)",
      {Parameter::real("K", "solved from the target if left out", 0, 1e30).optional()},
      "arXiv 2004.04729"},
     policies::make_dithered},
    {{"hard",
      "|x| < alpha becomes 0",
      {Parameter::real("ALPHA", "the target's quantile if left out", 0,
                       std::numeric_limits<float>::max())
           .optional()}},
     policies::make_hard},
    {{"random", "keeps elements at random, scaled by 1 / probability: unbiased"},
     policies::make_random},
    {{"nm",
      "N of every M neighbours stay, unbiased with the least variance",
      {Parameter::integer("N", "kept of a block, below M", 1, kLargestNmBlock - 1),
       Parameter::integer("M", "elements of a block", 2, kLargestNmBlock)},
      "arXiv 2203.10991"},
     policies::make_nm},
}};

const Table<PrunePolicyRow>& table() {
  static const Table<PrunePolicyRow> policies("pruning policy", kPolicies);
  return policies;
}

}  // namespace

std::span<const PrunePolicyRow> prune_policies() { return kPolicies; }
const Grammar& prune_policy_grammar() { return table(); }

PrunePolicyPtr parse_prune_policy(std::string_view specification) {
  const auto [row, parameters] = table().parse(specification);
  return row.make(parameters);
}

PruneInput::PruneInput(TensorSource source, TensorContext context)
    : source_(std::move(source)), context_(context) {
  if (context.examples == 0 || numel() % context.examples != 0) {
    throw std::invalid_argument("PruneInput: the examples do not divide the values");
  }
}

const TensorCounts& PruneInput::counts() {
  if (table_) return table_->counts();
  if (!counts_) counts_ = count_tensor(source_);
  return *counts_;
}

MagnitudeTable& PruneInput::table() {
  if (!table_) table_.emplace(source_);
  return *table_;
}

const TensorFit& PruneInput::fit() {
  if (!fit_) fit_ = fit_tensor(SortedMagnitudes(source_));
  return *fit_;
}

std::size_t piece_size(const PrunePlan& plan) {
  const auto unit = std::lcm(PruneMeasurer::kBlock, static_cast<std::size_t>(plan.granule));
  return TensorSource::kPiece / unit * unit;
}

PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input, const PruneOptions& options,
                         const PrunedPiece& piece) {
  const PrunePlan plan = policy.plan(input, options);
  PruneMeasurer measured;
  std::vector<float> out;
  input.source().visit(
      [&](std::uint64_t first, std::span<const float> in) {
        out.resize(in.size());
        policy.apply(plan, options, first, in, out);
        measured.add(in, out);
        piece(in, out);
      },
      piece_size(plan));
  return result_of(policy, plan, options, measured);
}

PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input, const PruneOptions& options,
                         std::span<float> out) {
  if (input.numel() != out.size()) {
    throw std::invalid_argument("prune_tensor: sizes of in and out differ");
  }
  auto next = out.begin();
  return prune_tensor(policy, input, options, [&](auto, std::span<const float> piece) {
    next = std::ranges::copy(piece, next).out;
  });
}

PruneResult result_of(const PrunePolicy& policy, const PrunePlan& plan, const PruneOptions& options,
                      const PruneMeasurer& measured) {
  const PruneMeasure measure = measured.result();
  const std::uint64_t numel = measured.numel();
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
