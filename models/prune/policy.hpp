#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "models/round/random.hpp"
#include "models/stats/fit.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath {

/// Where a threshold comes from.
enum class AlphaMode : std::uint8_t {
  exact,      ///< solved on the tensor itself
  lognormal,  ///< closed form from mu and sigma, as hardware would
};
/// Reads `exact` or `lognormal`; UserError otherwise.
[[nodiscard]] AlphaMode parse_alpha_mode(std::string_view text);
[[nodiscard]] std::string_view alpha_mode_name(AlphaMode mode);

/// What a policy is asked for. A policy reads the fields that mean something to it.
struct PruneOptions {
  double target_sparsity = 0.0;  ///< fraction of zeros over all elements, in [0, 1)
  AlphaMode alpha = AlphaMode::exact;
  int random_bits = 24;  ///< R of the keep decision, 1..24
  Seed seed = {};        ///< the tensor's own: derived from the user's seed and the tensor's name
};

/// A tensor and what policies ask of it, each made at first use and kept for further targets.
/// `values` must outlive it. Not for use by several threads at once.
class PruneInput {
 public:
  explicit PruneInput(std::span<const float> values) : values_(values) {}

  [[nodiscard]] std::span<const float> values() const { return values_; }
  [[nodiscard]] const SortedMagnitudes& sorted();
  [[nodiscard]] const TensorFit& fit();

 private:
  std::span<const float> values_;
  std::optional<SortedMagnitudes> sorted_;
  std::optional<TensorFit> fit_;
};

/// What a policy decides before it acts.
struct PrunePlan {
  float alpha = 0.0f;  ///< threshold; 0: nothing is to be done
  double predicted_sparsity =
      0.0;  ///< expected fraction of zeros over all elements, for this alpha
};

/// What came of it, measured on the output.
struct PruneResult {
  double target_sparsity = 0.0;
  float alpha = 0.0f;
  double predicted_sparsity = 0.0;  ///< NaN for an empty tensor, as the next three
  double reached_sparsity = 0.0;    ///< zeros_after / numel
  double cosine = 0.0;  ///< of input and output over finite elements; NaN if either is all zero
  double mse = 0.0;     ///< mean of (output - input)^2 over finite elements; NaN if there are none
  std::uint64_t numel = 0;
  std::uint64_t zeros_before = 0;
  std::uint64_t zeros_after = 0;
};

/// A pruning policy: a row of the list in policies.cpp, its functions in a file of its own. The
/// choice is made once a tensor; inside, a policy works on whole spans.
struct PrunePolicy {
  std::string_view name;
  std::string_view summary;  ///< one line for --help
  PrunePlan (*plan)(PruneInput& input, const PruneOptions& options);
  /// Writes the pruned tensor; in and out have equal sizes and may be the same memory.
  void (*apply)(const PrunePlan& plan, const PruneOptions& options, std::span<const float> in,
                std::span<float> out);
};

/// All policies; one more is a file, its line in policies.hpp and its row in policies.cpp.
[[nodiscard]] std::span<const PrunePolicy> prune_policies();
/// The policy of that name; UserError names those there are.
[[nodiscard]] const PrunePolicy& find_prune_policy(std::string_view name);

/// Plans, prunes into `out` and measures. out: input.values().size() elements, not overlapping the
/// input (which is compared with it); std::invalid_argument otherwise. UserError (which names the
/// option; the caller adds file and tensor) where the target is out of range or unreachable.
[[nodiscard]] PruneResult prune_tensor(const PrunePolicy& policy, PruneInput& input,
                                       const PruneOptions& options, std::span<float> out);

}  // namespace gradpath
