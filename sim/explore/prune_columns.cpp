#include "sim/explore/prune_columns.hpp"

#include <array>

namespace gradpath {
namespace {

using Row = PruneRow;

template <auto Member>
Column<Row> found(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&Row::result, Member>(name, unit, meaning);
}

using R = PruneResult;
const auto kColumns = std::to_array<Column<Row>>({
    column<&Row::trace>("trace", "", "path of the trace"),
    column<&Row::tensor>("tensor", "", "name of the tensor"),
    column<&Row::policy>("policy", "", "pruning policy, every parameter spelt out"),
    found<&R::target_sparsity>("target_sparsity", "1",
                               "asked for; nan if the policy has no target"),
    found<&R::alpha>("alpha", "\\|x\\|", "the policy's threshold"),
    found<&R::predicted_sparsity>("predicted_sparsity", "1", "computed from the policy's rule"),
    found<&R::reached_sparsity>(
        "reached_sparsity", "1",
        "zeros after pruning over all elements, those that were zero before "
        "among them"),
    found<&R::cosine>("cosine", "1", "between the tensor before and after"),
    found<&R::mse>("mse", "x²", "mean of (q − x)²"),
    found<&R::bias>("bias", "1",
                    "Σ sign(x)(q − x) / Σ\\|x\\|: by what share magnitudes grew, 0 in expectation "
                    "where the policy is unbiased"),
    found<&R::bias_error>("bias_error", "1",
                          "standard error of `bias`; 0 for a policy that draws nothing"),
});
const auto kAllocationColumns = std::to_array<Column<Row>>({
    column<&Row::budget>("budget", "1", "the sparsity that all tensors share"),
    column<&Row::expected_cosine>("expected_cosine", "1",
                                  "of stochastic pruning at the tensor's share"),
});
const auto kTimeColumns = std::to_array<Column<Row>>({
    column<&Row::seconds>("seconds", "s", "planning and pruning, from the bare tensor"),
});

}  // namespace

std::span<const Column<PruneRow>> prune_columns() { return kColumns; }
std::span<const Column<PruneRow>> allocation_columns() { return kAllocationColumns; }
std::span<const Column<PruneRow>> time_columns() { return kTimeColumns; }

}  // namespace gradpath
