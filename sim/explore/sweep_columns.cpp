#include "sim/explore/sweep_columns.hpp"

#include <algorithm>
#include <array>

namespace gradpath {
namespace {

using Row = SweepRow;

constexpr std::string_view kText = "TEXT NOT NULL";
constexpr std::string_view kInteger = "INTEGER NOT NULL";
constexpr std::string_view kReal = "REAL";

template <auto Member>
Column<Row> measured(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&Row::result, &SweepResult::measures, Member>(name, unit, meaning, kReal);
}
template <auto Member>
Column<Row> bound(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&Row::result, &SweepResult::bound, Member>(name, unit, meaning, kReal);
}
Column<Row> hidden(Column<Row> column) { return with(Shown::no, column); }
Column<Row> detail(Column<Row> column) { return with(Shown::detail, column); }

using M = CastMeasures;

// What later columns are computed from comes first: a row is read from a store in this order.
const auto kSweepColumns = std::to_array<Column<Row>>({
    hidden(column<&Row::profile_id>("profile_id", "", "identity of the tensor's elements", kText)),
    hidden(column<&Row::identity>("identity", "",
                                  "what else the result depends on: blocks, order, seed", kText)),
    hidden(column<&Row::point>("point", "", "the columns `format` to `sparsity` in one", kText)),
    hidden(measured<&M::numel>("numel", "elements", "elements of the tensor")),
    hidden(measured<&M::zeros>("zeros", "elements", "results that are zero")),
    hidden(measured<&M::saturated>("saturated", "elements", "`saturated_fraction` as a number")),
    hidden(measured<&M::excluded>("excluded", "elements", "`excluded_fraction` as a number")),
    column<&Row::trace>("trace", "", "path of the trace or profile", kText),
    column<&Row::tensor>("tensor", "", "name of the tensor", kText),
    column<&Row::format>("format", "", "number format of the cast", kText),
    detail(column<&Row::exponent_bits>("exponent_bits", "bits", "of the format", kInteger)),
    detail(column<&Row::mantissa_bits>("mantissa_bits", "bits", "of the format", kInteger)),
    detail(column<&Row::bias>("bias", "1", "of the format's exponent", kInteger)),
    column<&Row::rounding>("rounding", "", "rounding of the cast", kText),
    column<&Row::overflow>("overflow", "", "what becomes of values beyond the largest finite",
                           kText),
    column<&Row::scale>("scale", "", "scaling rule", kText),
    column<&Row::sparsity>("sparsity", "1", "target of pruning before the cast", "REAL NOT NULL"),
    measured<&M::mean_relative_error>("mean_relative_error", "1",
                                      "mean of \\|q − x\\| / \\|x\\| over nonzero x"),
    measured<&M::mse>("mse", "x²", "mean of (q − x)²"),
    measured<&M::cosine>("cosine", "1", "Σqx / √(Σq² Σx²)"),
    {"zero_fraction", kReal, "1", "results that are zero, over all elements",
     [](const Row& row) -> Cell { return row.result.measures.zero_fraction(); }},
    {"saturated_fraction", kReal, "1",
     "elements that round past the largest finite, whatever becomes of them, and infinities; over "
     "all elements",
     [](const Row& row) -> Cell { return row.result.measures.saturated_fraction(); }},
    {"excluded_fraction", kReal, "1", "elements not finite before or after, over all elements",
     [](const Row& row) -> Cell { return row.result.measures.excluded_fraction(); }},
    measured<&M::sqnr_db>("sqnr_db", "dB", "10 log10(Σx² / Σ(q − x)²)"),
    measured<&M::bias>("bias_error", "x", "mean of q − x"),
    measured<&M::variance>("sr_variance", "x²",
                           "mean over elements of E(q − Eq)² over the rounding's random words "
                           "(given what pruning left); 0 for roundings without"),
    column<&Row::result, &SweepResult::scale>(
        "scale_value", "1",
        "what elements are multiplied by before the cast; nan "
        "for blocks, which have a scale each",
        kReal),
    {"method", kText, "",
     "how the row was found: `profile` (exact), `kernel` (every element was cast), `expected` "
     "(from "
     "the profile, within the bounds), `skipped`",
     [](const Row& row) -> Cell { return std::string(method_name(row.result.method)); },
     [](Row& row, const Cell& kept) {
       row.result.method = parse_method(std::get<std::string>(kept));
     }},
    bound<&M::mean_relative_error>("mean_relative_error_bound", "1",
                                   "how far the figure may be off (`expected`); else 0"),
    bound<&M::mse>("mse_bound", "x²", "the same of `mse`"),
    bound<&M::cosine>("cosine_bound", "1", "the same of `cosine`"),
    {"zero_fraction_bound", kReal, "1", "the same of `zero_fraction`",
     [](const Row& row) -> Cell { return zero_fraction_bound(row.result); },
     [](Row& row, const Cell& kept) {
       const auto fraction = std::get<double>(kept);
       const auto n = static_cast<double>(row.result.measures.numel);
       row.result.bound.zeros = fraction == 0 ? 0.0 : fraction * n;
     }},
    {"skipped", "", "", "why the point has no result on this tensor; empty if it has one",
     [](const Row& row) -> Cell { return row.result.skipped; }},
});

const auto kCostColumns = std::to_array<Column<Row>>({
    column<&Row::cost, &Cost::area_ge>("area_ge", "GE", "area of the blocks, in NAND2 gates"),
    column<&Row::cost, &Cost::delay_fo4>("delay_fo4", "FO4", "longest path of the blocks"),
    column<&Row::cost, &Cost::power_proxy>("power_proxy", "pJ/cycle",
                                           "energy of the blocks at a fixed activity"),
});

const auto kFrontColumns = std::to_array<Column<Row>>({
    {"pareto", "", "1",
     "1 where no point of the tensor and sparsity has less error and area, else 0",
     [](const Row& row) -> Cell { return std::int64_t{row.is_on_front}; }},
});

const auto kBestColumns =
    std::to_array<Column<BestRow>>({
        column<&BestRow::trace>("trace", "", "path of the trace or profile"),
        column<&BestRow::tensor>("tensor", "", "name of the tensor"),
        {"bits", "", "bits", "of a code",
         [](const BestRow& row) -> Cell { return std::int64_t{row.split.best->format.bits()}; }},
        {"rounding", "", "", "rounding of the cast",
         [](const BestRow& row) -> Cell { return rounding_name(row.split.best->rounding); }},
        {"overflow", "", "", "what becomes of values beyond the largest finite",
         [](const BestRow& row) -> Cell {
           return std::string(overflow_name(row.split.best->overflow));
         }},
        {"scale", "", "", "scaling rule",
         [](const BestRow& row) -> Cell { return row.split.best->scale_name; }},
        {"sparsity", "", "1", "target of pruning before the cast",
         [](const BestRow& row) -> Cell { return row.split.best->sparsity; }},
        {"measure", "", "", "what was compared",
         [](const BestRow& row) -> Cell { return std::string(row.measure->name); }},
        {"best", "", "", "the format that is best by the measure",
         [](const BestRow& row) -> Cell { return row.split.best->format_name; }},
        column<&BestRow::split, &BestSplit::value>("value", "as `measure`", "its measure"),
        {"second", "", "", "the next best format; empty without one",
         [](const BestRow& row) -> Cell {
           return row.split.second == nullptr ? std::string() : row.split.second->format_name;
         }},
        column<&BestRow::split, &BestSplit::second_value>("second_value", "as `measure`",
                                                          "its measure; nan without one"),
        column<&BestRow::split, &BestSplit::margin>(
            "margin", "1 or dB",
            "the second's error (1 − cosine) over the best's, less 1; for `sqnr_db` the "
            "difference"),
        column<&BestRow::split, &BestSplit::candidates>(
            "candidates", "1",
            "formats compared, the best among them: with 1 it had no rival; skipped points and "
            "formats "
            "whose measure is nan do not count"),
    });

}  // namespace

std::string SweepRow::setting() const {
  return point.substr(std::min(point.size(), point.find(' ') + 1));
}

SweepRow sweep_row(const std::string& trace, const std::string& tensor, const SweepPoint& point,
                   const SweepResult& result) {
  return {.profile_id = "",
          .identity = "",
          .point = "",
          .trace = trace,
          .tensor = tensor,
          .format = point.format_name,
          .exponent_bits = point.format.exponent_bits,
          .mantissa_bits = point.format.mantissa_bits,
          .bias = point.format.bias,
          .rounding = rounding_name(point.rounding),
          .overflow = std::string(overflow_name(point.overflow)),
          .scale = point.scale_name,
          .sparsity = point.sparsity,
          .result = result};
}

std::span<const Column<SweepRow>> sweep_columns() { return kSweepColumns; }
std::span<const Column<SweepRow>> cost_columns() { return kCostColumns; }
std::span<const Column<SweepRow>> front_columns() { return kFrontColumns; }
std::span<const Column<BestRow>> best_columns() { return kBestColumns; }

}  // namespace gradpath
