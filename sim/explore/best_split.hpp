#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/explore/sweep.hpp"

namespace gradpath {

/// A column to rank by.
struct Measure {
  std::string_view name;
  double (*value)(const CastMeasures& measures);
  /// What ranks: the smaller the better.
  double (*loss)(double value);
  bool is_logarithmic;  ///< margins are differences instead of ratios
};

/// Reads `mean_relative_error`, `mse`, `cosine` or `sqnr_db`; else UserError, naming `what`.
[[nodiscard]] const Measure& find_measure(std::string_view name, std::string_view what = "measure");
/// All of them, in that order.
[[nodiscard]] std::span<const Measure> all_measures();
/// How far a second is behind the best: its loss over the best's, less 1; the difference where the
/// measure is logarithmic.
[[nodiscard]] double margin(const Measure& measure, double best_loss, double second_loss);
/// All names, comma-separated.
[[nodiscard]] std::string measure_names();

/// The best format among points of so many bits that differ in nothing else.
struct BestSplit {
  const SweepPoint* best = nullptr;
  const SweepPoint* second = nullptr;  ///< null if there is only one format
  double value = 0;
  double second_value = 0;  ///< NaN without a second
  /// How far the second is behind: its loss over the best's, less 1 (loss: the error, 1 - cosine);
  /// for sqnr_db the difference in dB.
  double margin = 0;
  std::uint64_t candidates = 0;  ///< formats whose measure is defined, the best among them
};

/// One a combination of bits, rounding, overflow, scale and sparsity, in the order of `points`.
/// Points whose measure is NaN rank last; among equals the first wins. results[i] belongs to
/// points[i].
[[nodiscard]] std::vector<BestSplit> best_splits(std::span<const SweepPoint> points,
                                                 std::span<const SweepResult> results,
                                                 const Measure& measure);

}  // namespace gradpath
