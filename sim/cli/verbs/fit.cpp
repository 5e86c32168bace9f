#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/profile_inputs.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/amended.hpp"
#include "sim/explore/fit_run.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/report/fit_plot.hpp"
#include "traces/atomic_file.hpp"

namespace gradpath::cli {
namespace {

constexpr std::size_t kMostPanels = 1000;
// Elements that all threads together sort at a time: 128 MiB.
constexpr std::size_t kSorted = std::size_t{1} << 25;

FitSource parse_source(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const auto number = [&](std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(
        parse_integer(fmt::format("--from {}", name), text.substr(colon + 1), least, most));
  };
  const bool has_number = colon != std::string_view::npos;
  if (text == "tensor") return {};
  if (name == "sample" && has_number) return {FitSource::Kind::sample, number(2, 1u << 30)};
  if (name == "histogram") return {FitSource::Kind::histogram, has_number ? number(0, 7) : 0};
  throw UserError(
      fmt::format("--from: '{}' is unknown; expected tensor, sample:N or histogram[:BITS]", text));
}

class FitCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "fit",
        .synopsis = "TRACE|PROFILE... [options]",
        .summary = "fits a lognormal to each tensor and measures distances to five distributions",
        .examples = {{{"gradpath fit trace.safetensors --generalised --plot fits.svg",
                       "mu, sigma and the Kolmogorov-Smirnov distances of every gradient, a wider "
                       "family beside them, and a picture"},
                      {"gradpath fit a.safetensors b.safetensors --tensors 'step0/*/input' "
                       "--from sample:4096 --csv fit.csv",
                       "the activations of the first step of two traces from samples of 4096, each "
                       "figure with its difference from the whole tensor's"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    ProfileInputs::add_options(options);
    options.group("What is fitted")
        .flag("per-channel",
              "a row a channel: of axis 1 with 4 axes or more (NCHW), of the last elsewhere")
        .value_or(
            "from", "SOURCE", "tensor",
            "tensor; sample:N: N elements drawn without replacement; histogram[:BITS]: counts "
            "by sign, exponent and 0 to 7 mantissa bits, elements spread evenly over each; "
            "the last two add columns NAME_error, the difference from the whole tensor");
    options.group("More columns")
        .flag("generalised",
              "the generalised gamma law of |x|: lognormal (shape 0), Weibull, "
              "exponential, half-normal in one family")
        .flag("p-values",
              "Lilliefors: probability of such a distance if the law were true; not of the "
              "generalised law, whose shape is estimated too")
        .value("quantiles", "LIST", "quantiles of |x|, each from 0 to 1, as 0.01,0.5,0.99");
    TableOutput::add_options(options);
    options.value("plot", "FILE.svg", "draw log2|x| and the fitted laws, a panel a row")
        .file(FileUse::write);
  }

  void setup(const Arguments& arguments) override {
    inputs_.setup(arguments);
    output_.setup(arguments);
    request_ = {.per_channel = arguments.flag("per-channel"),
                .source = parse_source(arguments.text("from")),
                .generalised = arguments.flag("generalised")};
    p_values_ = arguments.flag("p-values");
    if (arguments.has("quantiles")) {
      request_.quantiles = parse_number_list("--quantiles", arguments.text("quantiles"), 0.0, 1.0);
    }
    plot_ = arguments.optional_text("plot");
    if (plot_ && !plot_->ends_with(".svg")) {
      throw UserError(
          fmt::format("--plot: '{}' is drawn as SVG; give a name ending in .svg", *plot_));
    }
  }

  ExitCode run(Session& session) override {
    output_.open();
    inputs_.open();
    std::optional<AtomicFile> picture;
    if (plot_) picture.emplace(*plot_);
    const std::vector<ProfiledTensor> tensors = inputs_.tensors();
    const std::size_t at_once = std::min<std::size_t>(session.threads, tensors.size());
    const std::size_t batch = kSorted / std::clamp<std::size_t>(at_once, 1, 32);
    std::vector<std::vector<FitRow>> rows(tensors.size());
    std::vector<std::vector<FitPanel>> panels(tensors.size());
    Progress progress(session, "fit", tensors.size());
    parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
      FitRequest::Seen seen;
      if (plot_) {
        seen = [&of_tensor = panels[i]](const auto&... what) {
          of_tensor.push_back(make_panel(what...));
        };
      }
      const ProfiledTensor& input = tensors[i];
      if (input.source) {
        rows[i] = for_tensor(*input.source, [&] {
          return fit_rows(*input.source, request_, batch, session.seed, seen);
        });
      } else {
        rows[i].push_back(amended(
            [&] {
              return fit_row(input.trace, input.tensor, input.profile, request_, batch, seen);
            },
            "", input.trace + ": "));
      }
      progress.add(1);
    });
    const bool has_profile = std::ranges::any_of(
        tensors, [](const ProfiledTensor& input) { return !input.source.has_value(); });
    if (picture) {
      picture->write(plot_svg(all_panels(panels)));
      picture->commit();
    }
    output_.write(table(rows, has_profile), session);
    return ExitCode::good;
  }

 private:
  static std::vector<FitPanel> all_panels(std::vector<std::vector<FitPanel>>& panels) {
    std::vector<FitPanel> all;
    for (auto& of_tensor : panels) std::ranges::move(of_tensor, std::back_inserter(all));
    if (all.size() <= kMostPanels) return all;
    throw UserError(
        fmt::format("--plot: {} panels are too many to look at, {} at most; select "
                    "fewer with --tensors or leave --per-channel out",
                    all.size(), kMostPanels));
  }

  [[nodiscard]] Table table(const std::vector<std::vector<FitRow>>& rows, bool has_profile) const {
    const auto fitted = shown_columns<FitAnswers>(
        {fit_columns(),
         request_.generalised ? generalised_columns() : generalised_columns().first(0)});
    const auto more =
        shown_columns<FitRow>({p_value_columns().first(p_values_ ? p_value_columns().size() : 0),
                               profile_fit_columns().first(has_profile ? 1 : 0)});
    const bool has_errors = request_.source.kind != FitSource::Kind::tensor;
    Table table({"trace", "tensor"});
    if (request_.per_channel) table.add_column("channel");
    table.add_columns(count_columns());
    table.add_columns<FitAnswers>(fitted);
    for (const double p : request_.quantiles) table.add_column("abs_q" + number_text(p));
    table.add_columns<FitRow>(more);
    if (has_errors) {
      for (const auto& column : fitted) table.add_column(fmt::format("{}_error", column.name));
      for (const double p : request_.quantiles) {
        table.add_column(fmt::format("abs_q{}_error", number_text(p)));
      }
    }
    const auto append = [](std::vector<Cell>& cells, std::vector<Cell> next) {
      std::ranges::move(next, std::back_inserter(cells));
    };
    for (const auto& of_tensor : rows) {
      for (const FitRow& row : of_tensor) {
        std::vector<Cell> line = {row.trace, row.tensor};
        if (row.channel) line.emplace_back(*row.channel);
        append(line, cells(count_columns(), row.seen));
        append(line, cells<FitAnswers>(fitted, row.seen));
        for (const double value : row.seen.quantiles) line.emplace_back(value);
        append(line, cells<FitRow>(more, row));
        if (has_errors) {
          for (const auto& column : fitted) {
            line.emplace_back(std::get<double>(column.get(row.seen)) -
                              std::get<double>(column.get(*row.full)));
          }
          for (std::size_t q = 0; q < request_.quantiles.size(); ++q) {
            line.emplace_back(row.seen.quantiles[q] - row.full->quantiles[q]);
          }
        }
        table.add_row(std::move(line));
      }
    }
    return table;
  }

  ProfileInputs inputs_;
  TableOutput output_;
  FitRequest request_;
  bool p_values_ = false;
  std::optional<std::string> plot_;
};

}  // namespace

CommandPtr make_fit_command() { return std::make_unique<FitCommand>(); }

}  // namespace gradpath::cli
