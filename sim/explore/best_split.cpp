#include "sim/explore/best_split.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::array<Measure, 4> kMeasures = {{
    {"mean_relative_error", [](const CastMeasures& m) { return m.mean_relative_error; },
     [](double value) { return value; }, false},
    {"mse", [](const CastMeasures& m) { return m.mse; }, [](double value) { return value; }, false},
    {"cosine", [](const CastMeasures& m) { return m.cosine; },
     [](double value) { return 1 - value; }, false},
    {"sqnr_db", [](const CastMeasures& m) { return m.sqnr_db; },
     [](double value) { return -value; }, true},
}};

bool differ_in_split_alone(const SweepPoint& a, const SweepPoint& b) {
  return a.format.bits() == b.format.bits() && a.rounding == b.rounding &&
         a.overflow == b.overflow && a.scale == b.scale && a.sparsity == b.sparsity;
}

}  // namespace

const Measure& find_measure(std::string_view name, std::string_view what) {
  const auto found = std::ranges::find(kMeasures, name, &Measure::name);
  if (found != kMeasures.end()) return *found;
  throw UserError(
      fmt::format("{} '{}' is not known; expected one of {}", what, name, measure_names()));
}

std::span<const Measure> all_measures() { return kMeasures; }

double margin(const Measure& measure, double best_loss, double second_loss) {
  return measure.is_logarithmic ? second_loss - best_loss : second_loss / best_loss - 1;
}

std::string measure_names() {
  std::string names;
  for (const Measure& measure : kMeasures) {
    if (!names.empty()) names += ", ";
    names += measure.name;
  }
  return names;
}

std::vector<BestSplit> best_splits(std::span<const SweepPoint> points,
                                   std::span<const SweepResult> results, const Measure& measure) {
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  std::vector<BestSplit> splits;
  std::vector<std::array<double, 2>> losses;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double value = measure.value(results[i].measures);
    const double loss = std::isnan(value) ? kWorst : measure.loss(value);
    const auto found = std::ranges::find_if(splits, [&](const BestSplit& split) {
      return differ_in_split_alone(*split.best, points[i]);
    });
    if (found == splits.end()) {
      splits.push_back({.best = &points[i],
                        .second = nullptr,
                        .value = value,
                        .second_value = std::numeric_limits<double>::quiet_NaN(),
                        .margin = std::numeric_limits<double>::quiet_NaN()});
      losses.push_back({loss, kWorst});
      splits.back().candidates = std::isnan(value) ? 0 : 1;
      continue;
    }
    found->candidates += std::isnan(value) ? 0u : 1u;
    auto& [best_loss, second_loss] = losses[static_cast<std::size_t>(found - splits.begin())];
    if (loss < best_loss) {
      found->second = found->best;
      found->second_value = found->value;
      second_loss = best_loss;
      found->best = &points[i];
      found->value = value;
      best_loss = loss;
    } else if (found->second == nullptr || loss < second_loss) {
      found->second = &points[i];
      found->second_value = value;
      second_loss = loss;
    }
  }
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const auto [best, second] = losses[i];
    if (splits[i].second == nullptr) continue;
    splits[i].margin = margin(measure, best, second);
  }
  return splits;
}

}  // namespace gradpath
