#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/prune/alpha_rule.hpp"
#include "models/prune/magnitude_table.hpp"
#include "models/prune/measure.hpp"
#include "models/round/random.hpp"
#include "models/stats/fit.hpp"
#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// What a policy is asked for. A policy reads the fields that mean something to it.
struct PruneOptions {
  double target_sparsity = 0.0;  ///< fraction of zeros over all elements, in [0, 1)
  AlphaRule alpha = {};          ///< of `stochastic` without a rule of its own
  /// For AlphaRule::last_step: the exact threshold of the step before; none at the first step,
  /// which then has its own exact threshold.
  std::optional<float> last_alpha = {};
  int random_bits = 24;  ///< R of the keep decision, 1..24
  Seed seed = {};        ///< the tensor's own: derived from the user's seed and the tensor's name
};

/// What a tensor is in training: some policies treat them differently.
enum class TensorKind : std::uint8_t { gradient, input, weight, other };

/// What a policy may know of a tensor besides its values.
struct TensorContext {
  /// The tensor is this many equal slices, one after the other (its first dimension: the examples
  /// of a batch). Divides the number of elements; 1 for a tensor of one dimension or none.
  std::uint64_t examples = 1;
  TensorKind kind = TensorKind::other;
};

/// A tensor and what policies ask of it, each made at first use and kept for further targets. What
/// `source` reads must stay good as long. Not for use by several threads at once.
class PruneInput {
 public:
  /// std::invalid_argument if context.examples does not divide the number of values.
  explicit PruneInput(TensorSource source, TensorContext context = {});
  explicit PruneInput(std::span<const float> values, TensorContext context = {})
      : PruneInput(TensorSource(values), context) {}

  [[nodiscard]] const TensorSource& source() const { return source_; }
  [[nodiscard]] std::uint64_t numel() const { return source_.numel(); }
  [[nodiscard]] const TensorContext& context() const { return context_; }
  [[nodiscard]] const TensorCounts& counts();
  /// Sums and counts without sorting.
  [[nodiscard]] MagnitudeTable& table();
  [[nodiscard]] const TensorFit& fit();

 private:
  TensorSource source_;
  TensorContext context_;
  std::optional<TensorCounts> counts_;
  std::optional<MagnitudeTable> table_;
  std::optional<TensorFit> fit_;
};

/// Which elements of a slice survive by magnitude (31-bit integers): all above `magnitude_bits`,
/// and those equal to it before element `ties_end` of the tensor.
struct MagnitudeCut {
  std::uint32_t magnitude_bits = 0;  ///< 0: the slice stays as it is
  std::uint64_t ties_end = 0;
};

/// What a policy decides before it acts.
struct PrunePlan {
  /// Threshold; 0: nothing is to be done; NaN: the policy has no single threshold.
  float alpha = 0.0f;
  /// Expected fraction of zeros over all elements after `apply`; NaN for an empty tensor.
  double predicted_sparsity = 0.0;
  /// Of `random`: of a finite nonzero element; a multiple of 2^-32.
  double keep_probability = 1.0;
  /// Of policies that keep the largest: one for the tensor, or one an example, of `slice` elements.
  std::vector<MagnitudeCut> cuts = {};
  std::uint64_t slice = 0;
  std::uint64_t granule = 1;  ///< pieces that `apply` is given begin at its multiples; at most 32
};

/// What came of it, measured on the output.
struct PruneResult {
  double target_sparsity = 0.0;
  float alpha = 0.0f;
  double predicted_sparsity = 0.0;  ///< NaN for an empty tensor, as the next three
  double reached_sparsity = 0.0;    ///< zeros_after / numel
  double cosine = 0.0;  ///< of input and output over finite elements; NaN if either is all zero
  double mse = 0.0;     ///< mean of (output - input)^2 over finite elements; NaN if there are none
  double bias = 0.0;    ///< PruneMeasure::bias
  double bias_error = 0.0;  ///< its standard error; 0 for a policy that draws nothing
  std::uint64_t numel = 0;
  std::uint64_t zeros_before = 0;
  std::uint64_t zeros_after = 0;
};

/// A pruning policy with its parameters, immutable. What all of them have in common:
/// infinities and NaNs pass as they are and count in numel alone; a zero stays a zero; a result has
/// its element's sign, a pruned element becomes +0; results above the largest fp32 become it; a
/// tensor on which nothing is to be done passes bit for bit; random words depend on the seed and
/// the element's index alone.
class PrunePolicy {
 public:
  PrunePolicy() = default;
  PrunePolicy(const PrunePolicy&) = delete;
  PrunePolicy& operator=(const PrunePolicy&) = delete;
  virtual ~PrunePolicy() = default;

  /// As parse_prune_policy reads it.
  [[nodiscard]] virtual std::string name() const = 0;
  /// False: the policy has a sparsity of its own, and options.target_sparsity means nothing.
  [[nodiscard]] virtual bool takes_target() const { return true; }
  /// True: the output depends on options.seed.
  [[nodiscard]] virtual bool is_random() const = 0;
  /// UserError (the caller adds file and tensor) where the target is out of
  /// range or cannot be reached.
  [[nodiscard]] virtual PrunePlan plan(PruneInput& input, const PruneOptions& options) const = 0;
  /// Prunes the elements from `first` on, a multiple of plan.granule. out: as many as `in`, not
  /// overlapping it. Pieces may come in any order, and in several threads.
  virtual void apply(const PrunePlan& plan, const PruneOptions& options, std::uint64_t first,
                     std::span<const float> in, std::span<float> out) const = 0;
};
using PrunePolicyPtr = std::unique_ptr<const PrunePolicy>;

/// A row of the list of policies; one more is a file and its row in policies.cpp.
struct PrunePolicyRow : Form {
  PrunePolicyPtr (*make)(const Parameters& parameters);
};

[[nodiscard]] std::span<const PrunePolicyRow> prune_policies();
[[nodiscard]] const Grammar& prune_policy_grammar();
/// Reads NAME or NAME:PARAMETER...; UserError names the policies there are, or the right syntax.
[[nodiscard]] PrunePolicyPtr parse_prune_policy(std::string_view specification);

/// Is handed a piece as it was and as it became; in order.
using PrunedPiece = std::function<void(std::span<const float> in, std::span<const float> out)>;
/// plan, apply and measure in one, piece by piece. UserError as `plan`.
[[nodiscard]] PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input,
                                       const PruneOptions& options, const PrunedPiece& piece);
/// The same into memory. out: input.numel() elements, not overlapping the input (which is compared
/// with it); std::invalid_argument otherwise.
[[nodiscard]] PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input,
                                       const PruneOptions& options, std::span<float> out);

/// The elements of the pieces that a plan may be applied to one after the other, a good size for
/// caches and for PruneMeasurer.
[[nodiscard]] std::size_t piece_size(const PrunePlan& plan);
/// What a plan came to.
[[nodiscard]] PruneResult result_of(const PrunePolicy& policy, const PrunePlan& plan,
                                    const PruneOptions& options, const PruneMeasurer& measured);

}  // namespace gradpath
