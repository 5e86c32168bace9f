#include "sim/report/fit_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numbers>
#include <string_view>

#include <fmt/format.h>

#include "sim/report/markup.hpp"

namespace gradpath::cli {
namespace {

constexpr double kLn2 = std::numbers::ln2;
constexpr std::size_t kBars = 72;
constexpr std::size_t kColumns = 3;
constexpr double kWidth = 330.0;
constexpr double kHeight = 220.0;
constexpr double kLegend = 34.0;
// The axes' box inside a panel.
constexpr double kLeft = 38.0;
constexpr double kRight = kWidth - 8.0;
constexpr double kTop = 24.0;
constexpr double kBottom = kHeight - 32.0;

struct Law {
  std::string_view name;
  std::string_view colour;
};
// In the order of make_panel. Okabe and Ito's palette, told apart by the colour-blind.
constexpr std::array<Law, 6> kLaws = {{{"lognormal", "#d55e00"},
                                       {"generalised", "#000000"},
                                       {"laplace", "#0072b2"},
                                       {"normal", "#009e73"},
                                       {"halfnormal", "#cc79a7"},
                                       {"exponential", "#56b4e9"}}};

double normal_density(double z) {
  return std::exp(-0.5 * z * z) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

/// Densities of |x| (per unit of |x|) or of ln|x|, by law.
std::array<std::function<double(double)>, kLaws.size()> log_densities(const TensorFit& fit,
                                                                      const GeneralisedFit& g) {
  const auto of_magnitude = [](auto density) {
    return [density](double log_x) { return std::exp(log_x) * density(std::exp(log_x)); };
  };
  const FittedLaws laws = fit.laws;
  const auto both_signs = [](auto density) {
    return [density](double x) { return density(x) + density(-x); };
  };
  return {[fit](double log_x) {
            return normal_density((log_x - fit.mu_ln) / fit.sigma_ln) / fit.sigma_ln;
          },
          [g](double log_x) { return generalised_log_density(g, log_x); },
          of_magnitude(both_signs([laws](double x) {
            return 0.5 / laws.spread * std::exp(-std::abs(x - laws.median) / laws.spread);
          })),
          of_magnitude(both_signs([laws](double x) {
            return normal_density((x - laws.mean) / laws.deviation) / laws.deviation;
          })),
          of_magnitude([laws](double x) {
            return 2.0 * normal_density(x / laws.root_mean_square) / laws.root_mean_square;
          }),
          of_magnitude([laws](double x) {
            return std::exp(-x / laws.mean_magnitude) / laws.mean_magnitude;
          })};
}

/// A panel in its own coordinates, 0,0 its upper left corner.
std::string panel_svg(const FitPanel& panel) {
  // The name's end tells most: its front is cut.
  constexpr std::size_t kLongest = 50;
  std::string title = panel.title;
  if (title.size() > kLongest) title = "..." + title.substr(title.size() - kLongest + 3);
  std::string svg = text_at(0.5 * (kLeft + kRight), 15, "middle", 10, title);
  svg += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="#888"/>)"
                     "\n",
                     kLeft, kTop, kRight - kLeft, kBottom - kTop);
  if (panel.densities.empty()) {
    return svg + text_at(0.5 * (kLeft + kRight), 0.5 * (kTop + kBottom), "middle", 11,
                         "no finite nonzero");
  }
  const double low = panel.edges.front();
  const double high = panel.edges.back();
  // The bars set the scale: a law that is far too narrow may leave the panel.
  const double most = 1.25 * std::ranges::max(panel.densities);
  const auto across = [&](double y) { return kLeft + (y - low) / (high - low) * (kRight - kLeft); };
  // Clipped to the panel; bounded, as a coordinate must be.
  const auto up = [&](double density) {
    return kBottom - std::min(density / most, 20.0) * (kBottom - kTop);
  };
  for (std::size_t i = 0; i < panel.densities.size(); ++i) {
    svg += fmt::format(R"(<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="#ccc"/>)"
                       "\n",
                       across(panel.edges[i]), up(panel.densities[i]),
                       across(panel.edges[i + 1]) - across(panel.edges[i]),
                       kBottom - up(panel.densities[i]));
  }
  for (std::size_t c = 0; c < panel.curves.size(); ++c) {
    svg += R"--(<polyline clip-path="url(#panel)" fill="none" stroke-width="1.3" stroke=")--";
    svg += kLaws[c].colour;
    svg += R"(" points=")";
    for (std::size_t i = 0; i < panel.densities.size(); ++i) {
      const double density = panel.curves[c].second[i];
      if (!std::isfinite(density)) continue;
      svg += fmt::format("{:.2f},{:.2f} ", across(0.5 * (panel.edges[i] + panel.edges[i + 1])),
                         up(density));
    }
    svg += "\"/>\n";
  }
  const double tick = std::max(1.0, std::exp2(std::ceil(std::log2((high - low) / 7.0))));
  for (double t = std::ceil(low / tick) * tick; t <= high; t += tick) {
    svg += fmt::format(R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" stroke="#888"/>)"
                       "\n",
                       across(t), kBottom, kBottom + 4);
    svg += text_at(across(t), kBottom + 14, "middle", 9, fmt::format("{:g}", t));
  }
  svg += text_at(0.5 * (kLeft + kRight), kBottom + 27, "middle", 10, "log2|x|");
  svg += text_at(kLeft - 4, kTop + 8, "end", 9, fmt::format("{:.3g}", most));
  svg += text_at(kLeft - 4, kBottom, "end", 9, "0");
  return svg;
}

// How many elements have log2|x| below each of the edges, which ascend. Buckets between two edges
// are taken as a whole, so that few are read.
std::vector<double> counts_below(const SortedMagnitudes& sorted, const std::vector<double>& edges) {
  const auto log = [](float magnitude) { return std::log2(double{magnitude}); };
  std::vector<double> below(edges.size());
  const auto add = [&](float magnitude, std::uint64_t count) {
    const auto first = std::ranges::upper_bound(edges, log(magnitude));
    for (auto edge = first; edge != edges.end(); ++edge) {
      below[static_cast<std::size_t>(edge - edges.begin())] += static_cast<double>(count);
    }
  };
  const auto is_cut = [&](const SortedMagnitudes::Bucket& bucket) {
    return std::ranges::upper_bound(edges, log(bucket.lower_edge())) !=
           std::ranges::upper_bound(edges, log(bucket.upper_edge()));
  };
  for (const SortedMagnitudes::Bucket& bucket : sorted.buckets()) {
    if (!is_cut(bucket)) add(bucket.upper_edge(), bucket.count());
  }
  sorted.visit_buckets(is_cut, [&](const auto&, const auto& runs) {
    runs.for_each([&](const MagnitudeRun& run) { add(run.magnitude, run.count()); });
  });
  return below;
}

}  // namespace

FitPanel make_panel(std::string title, const SortedMagnitudes& sorted, const TensorFit& fit,
                    const GeneralisedFit& generalised) {
  FitPanel panel{.title = std::move(title), .edges = {}, .densities = {}, .curves = {}};
  if (sorted.counts().nonzeros() == 0) return panel;
  // The middle of the mass decides: one far outlier must not press all bars into one.
  const double n = static_cast<double>(sorted.counts().nonzeros());
  double low = std::log2(fit.counts.abs_min);
  double high = std::log2(fit.counts.abs_max);
  low = std::floor(std::max(low, fit.mu_log2 - 6.0 * fit.sigma_log2 - 1.0));
  high = std::max(low + 1.0,
                  std::ceil(std::min(high, fit.mu_log2 + 6.0 * fit.sigma_log2 + 1.0) + 1e-9));
  const double width = (high - low) / kBars;
  for (std::size_t i = 0; i <= kBars; ++i) {
    panel.edges.push_back(low + width * static_cast<double>(i));
  }
  const std::vector<double> below = counts_below(sorted, panel.edges);
  for (std::size_t i = 0; i < kBars; ++i) {
    panel.densities.push_back((below[i + 1] - below[i]) / n / width);
  }
  if (!(fit.sigma_ln > 0.0)) return panel;
  const auto densities = log_densities(fit, generalised);
  for (std::size_t law = 0; law < kLaws.size(); ++law) {
    auto& [name, values] = panel.curves.emplace_back(kLaws[law].name, std::vector<double>{});
    for (std::size_t i = 0; i < kBars; ++i) {
      values.push_back(kLn2 * densities[law](kLn2 * (panel.edges[i] + 0.5 * width)));
    }
  }
  return panel;
}

std::string plot_svg(const std::vector<FitPanel>& panels) {
  const std::size_t columns = std::max<std::size_t>(2, std::min(kColumns, panels.size()));
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  const double width = kWidth * static_cast<double>(columns);
  const double height = kLegend + kHeight * static_cast<double>(rows);
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" )"
      R"(font-family="sans-serif">)"
      "\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg +=
      fmt::format(R"(<clipPath id="panel"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>)"
                  "\n",
                  kLeft, kTop, kRight - kLeft, kBottom - kTop);
  double x = 40.0;
  svg += fmt::format(R"(<rect x="{}" y="11" width="18" height="10" fill="#ccc"/>)", x);
  svg += text_at(x + 23, 20, "start", 11, "elements per octave");
  x += 150.0;
  for (const Law& law : kLaws) {
    svg += fmt::format(R"(<line x1="{}" x2="{}" y1="16" y2="16" stroke="{}" stroke-width="2"/>)"
                       "\n",
                       x, x + 18, law.colour);
    svg += text_at(x + 23, 20, "start", 11, law.name);
    x += 34.0 + 6.2 * static_cast<double>(law.name.size());
  }
  for (std::size_t i = 0; i < panels.size(); ++i) {
    svg += fmt::format("<g transform=\"translate({},{})\">\n",
                       kWidth * static_cast<double>(i % columns),
                       kLegend + kHeight * static_cast<double>(i / columns));
    svg += panel_svg(panels[i]) + "</g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace gradpath::cli
