#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/explore/results_summary.hpp"

namespace gradpath::cli {

/// What the head of a report says.
struct ReportHead {
  std::string title;
  std::string version;        ///< of the program
  std::string configuration;  ///< Session::configuration
  std::size_t results = 0;
  std::size_t tensors = 0;
};

/// The report as one HTML file: styles, script and pictures are in it, nothing is fetched. The same
/// text for the same input.
[[nodiscard]] std::string report_page(const ReportHead& head,
                                      std::span<const SettingSummary> settings);

}  // namespace gradpath::cli
