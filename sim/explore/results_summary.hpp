#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sim/explore/best_split.hpp"
#include "sim/explore/sweep_columns.hpp"

namespace gradpath {

/// A format over all tensors of a setting. Values by measure, in the order of all_measures().
struct FormatSummary {
  std::string format;
  int bits = 0;  ///< of a code
  std::size_t tensors = 0;
  /// Over the tensors where the measure is defined; NaN if there is none.
  std::vector<double> medians;
  double zero_fraction = 0;       ///< median
  double saturated_fraction = 0;  ///< median
};

/// The best of a tensor's formats of so many bits, by one measure.
struct TensorBest {
  struct Choice {
    std::string format;  ///< empty if the measure is defined for none
    double value = 0;
    double margin = 0;  ///< how far the second is behind (margin()); NaN without one
  };
  std::string trace;
  std::string tensor;
  int bits = 0;
  std::vector<Choice> choices;  ///< by measure
};

/// How many tensors have which best format.
struct Ranking {
  int bits = 0;
  const Measure* measure = nullptr;
  std::size_t candidates = 0;  ///< formats of so many bits: with 1 there is no rival
  std::vector<std::pair<std::string, std::size_t>> wins;  ///< most first
  double median_margin = 0;                               ///< NaN if none is defined
};

/// All that was measured under one rounding, overflow, scale and sparsity.
struct SettingSummary {
  std::string setting;
  std::vector<FormatSummary> formats;  ///< by bits, then exponent bits
  std::vector<TensorBest> best;        ///< by tensor, then bits
  std::vector<Ranking> rankings;       ///< by bits, then measure
};

/// results: as read_results() gives them. By setting, in alphabetical order. Among formats that are
/// equally good the first of the order above wins, as in best_splits().
[[nodiscard]] std::vector<SettingSummary> summarise(std::span<const SweepRow> results);

/// The middle value, or the mean of the two; NaNs are left out. NaN if nothing remains.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace gradpath
