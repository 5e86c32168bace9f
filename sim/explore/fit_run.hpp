#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/profile/profile.hpp"
#include "models/round/random.hpp"
#include "models/stats/fit.hpp"
#include "models/stats/generalised.hpp"
#include "sim/explore/column.hpp"
#include "sim/explore/selected_tensor.hpp"

namespace gradpath {

/// What a fit sees of a tensor.
struct FitSource {
  enum class Kind : std::uint8_t { tensor, sample, histogram };
  Kind kind = Kind::tensor;
  std::uint32_t parameter = 0;  ///< sample: elements; histogram: mantissa bits
};

/// What is asked of every tensor.
struct FitRequest {
  bool per_channel = false;
  FitSource source = {};
  bool generalised = false;
  std::vector<double> quantiles = {};
  /// Told of every fit that becomes a row, with what it was made from.
  using Seen = std::function<void(const std::string& title, const SortedMagnitudes& sorted,
                                  const TensorFit& fit, const GeneralisedFit& generalised)>;
};

/// All that is asked of one sample.
struct FitAnswers {
  TensorFit fit;
  GeneralisedFit generalised;
  std::vector<double> quantiles;
};

struct FitRow {
  std::string trace;
  std::string tensor;
  std::optional<std::uint64_t> channel;
  FitAnswers seen;                 ///< of what the source leaves
  std::optional<FitAnswers> full;  ///< of all elements, where that is something else
  double fitted = 0.0;             ///< finite nonzeros in `seen`
  double ks_bound = 0.0;           ///< how far the distances may be off: of a profile
};

/// A row, or one a channel: of axis 1 where there are four axes or more (NCHW), of the last
/// elsewhere. batch: elements sorted at a time. seed: the user's.
[[nodiscard]] std::vector<FitRow> fit_rows(const SelectedTensor& selected,
                                           const FitRequest& request, std::size_t batch, Seed seed,
                                           const FitRequest::Seen& seen);
/// The same from a profile: exact for bf16 values, else within the bounds of docs/profile.md,
/// "Fits". UserError for what needs the elements.
[[nodiscard]] FitRow fit_row(const std::string& trace, const std::string& tensor,
                             const Profile& profile, const FitRequest& request, std::size_t batch,
                             const FitRequest::Seen& seen);

/// numel to abs_max; mu_ln to expected_max; those of the generalised law.
[[nodiscard]] std::span<const Column<FitAnswers>> count_columns();
[[nodiscard]] std::span<const Column<FitAnswers>> fit_columns();
[[nodiscard]] std::span<const Column<FitAnswers>> generalised_columns();
/// Lilliefors' probabilities; the bound of a profile's distances.
[[nodiscard]] std::span<const Column<FitRow>> p_value_columns();
[[nodiscard]] std::span<const Column<FitRow>> profile_fit_columns();

}  // namespace gradpath
