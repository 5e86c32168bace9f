#include "sim/explore/results_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "models/format/formats.hpp"

namespace gradpath {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

using Rows = std::vector<const SweepRow*>;

int bits_of(const SweepRow& row) { return parse_format(row.format).bits(); }

FormatSummary summarise_format(const Rows& rows) {
  FormatSummary summary{.format = rows.front()->format,
                        .bits = bits_of(*rows.front()),
                        .tensors = rows.size(),
                        .medians = {}};
  const auto median_of = [&](auto value) {
    std::vector<double> values;
    for (const SweepRow* row : rows) values.push_back(value(row->result.measures));
    return median(std::move(values));
  };
  for (const Measure& measure : all_measures()) summary.medians.push_back(median_of(measure.value));
  summary.zero_fraction = median_of([](const CastMeasures& m) { return m.zero_fraction(); });
  summary.saturated_fraction =
      median_of([](const CastMeasures& m) { return m.saturated_fraction(); });
  return summary;
}

TensorBest::Choice best_of(const Rows& rows, const Measure& measure) {
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  TensorBest::Choice choice{.format = "", .value = kUndefined, .margin = kUndefined};
  double best = kWorst;
  double second = kWorst;
  std::size_t defined = 0;
  for (const SweepRow* row : rows) {
    const double value = measure.value(row->result.measures);
    if (std::isnan(value)) continue;
    const double loss = measure.loss(value);
    if (++defined == 1 || loss < best) {
      second = best;
      best = loss;
      choice.format = row->format;
      choice.value = value;
    } else {
      second = std::min(second, loss);
    }
  }
  if (defined > 1) choice.margin = margin(measure, best, second);
  return choice;
}

std::vector<Ranking> rank(const std::vector<FormatSummary>& formats,
                          const std::vector<TensorBest>& best) {
  std::map<int, std::vector<const TensorBest*>> by_bits;
  for (const TensorBest& tensor : best) by_bits[tensor.bits].push_back(&tensor);
  std::vector<Ranking> rankings;
  for (const auto& [bits, tensors] : by_bits) {
    for (std::size_t m = 0; m < all_measures().size(); ++m) {
      std::map<std::string, std::size_t> wins;
      std::vector<double> margins;
      for (const TensorBest* tensor : tensors) {
        const TensorBest::Choice& choice = tensor->choices[m];
        if (choice.format.empty()) continue;
        ++wins[choice.format];
        margins.push_back(choice.margin);
      }
      Ranking ranking{.bits = bits,
                      .measure = &all_measures()[m],
                      .candidates = static_cast<std::size_t>(
                          std::ranges::count(formats, bits, &FormatSummary::bits)),
                      .wins = {wins.begin(), wins.end()},
                      .median_margin = median(std::move(margins))};
      std::ranges::stable_sort(ranking.wins, std::ranges::greater{},
                               [](const auto& win) { return win.second; });
      rankings.push_back(std::move(ranking));
    }
  }
  return rankings;
}

}  // namespace

double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kUndefined;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  // Equal first: half of infinity less infinity is none.
  if (values.size() % 2 == 1 || values[half - 1] == values[half]) return values[half];
  return 0.5 * (values[half - 1] + values[half]);
}

std::vector<SettingSummary> summarise(std::span<const SweepRow> results) {
  std::map<std::string, Rows> settings;
  for (const SweepRow& row : results) settings[row.setting()].push_back(&row);
  std::vector<SettingSummary> summaries;
  for (const auto& [setting, rows] : settings) {
    SettingSummary& summary = summaries.emplace_back();
    summary.setting = setting;
    std::map<std::tuple<int, int, std::string>, Rows> formats;
    std::map<std::tuple<std::string, std::string, std::string, int>, Rows> tensors;
    for (const SweepRow* row : rows) {
      const int bits = bits_of(*row);
      formats[{bits, row->exponent_bits, row->format}].push_back(row);
      tensors[{row->trace, row->tensor, row->profile_id, bits}].push_back(row);
    }
    for (const auto& [key, members] : formats) summary.formats.push_back(summarise_format(members));
    for (const auto& [key, members] : tensors) {
      TensorBest best{.trace = std::get<0>(key),
                      .tensor = std::get<1>(key),
                      .bits = std::get<3>(key),
                      .choices = {}};
      for (const Measure& measure : all_measures()) {
        best.choices.push_back(best_of(members, measure));
      }
      summary.best.push_back(std::move(best));
    }
    summary.rankings = rank(summary.formats, summary.best);
  }
  return summaries;
}

}  // namespace gradpath
