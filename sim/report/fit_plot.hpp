#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/stats/fit.hpp"
#include "models/stats/generalised.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath::cli {

/// A tensor's panel of `fit --plot`: what is drawn, small enough to keep for every tensor.
struct FitPanel {
  std::string title;
  std::vector<double> edges;      ///< of the bars, log2|x|, ascending, evenly spaced
  std::vector<double> densities;  ///< of the bars, per octave; they add up to 1 times the width
  /// A law's name and its density per octave at the middle of each bar.
  std::vector<std::pair<std::string, std::vector<double>>> curves;
};

/// Histogram of log2|x| and the densities of the fitted laws. Without spread there are no curves;
/// without finite nonzeros no bars either.
[[nodiscard]] FitPanel make_panel(std::string title, const SortedMagnitudes& sorted,
                                  const TensorFit& fit, const GeneralisedFit& generalised);

/// The panels as one SVG file's text, three in a row, with one legend.
[[nodiscard]] std::string plot_svg(const std::vector<FitPanel>& panels);

}  // namespace gradpath::cli
