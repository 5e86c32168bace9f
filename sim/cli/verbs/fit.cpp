#include "models/stats/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/choose_alpha.hpp"
#include "models/stats/generalised.hpp"
#include "models/stats/lilliefors.hpp"
#include "models/stats/stand_in.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/report/fit_plot.hpp"
#include "traces/atomic_file.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

constexpr std::size_t kMostPanels = 1000;
// Elements that all threads together sort at a time: 128 MiB.
constexpr std::size_t kSorted = std::size_t{1} << 25;
constexpr std::size_t kReleaseEvery = 4096;  // runs of a channel, each from a page of its own

/// The fitted columns, in the contract's order.
struct FitColumn {
  std::string_view name;
  double TensorFit::*field;
};
constexpr std::array<FitColumn, 12> kFitColumns = {{
    {"mu_ln", &TensorFit::mu_ln},
    {"sigma_ln", &TensorFit::sigma_ln},
    {"mu_log2", &TensorFit::mu_log2},
    {"sigma_log2", &TensorFit::sigma_log2},
    {"skewness", &TensorFit::skewness},
    {"excess_kurtosis", &TensorFit::excess_kurtosis},
    {"ks_lognormal", &TensorFit::ks_lognormal},
    {"ks_normal", &TensorFit::ks_normal},
    {"ks_laplace", &TensorFit::ks_laplace},
    {"ks_halfnormal", &TensorFit::ks_halfnormal},
    {"ks_exponential", &TensorFit::ks_exponential},
    {"expected_max", &TensorFit::expected_max},
}};

/// The p-value columns: which distance is tested against which law.
struct PValueColumn {
  std::string_view name;
  double TensorFit::*distance;
  TestedLaw law;
};
constexpr std::array<PValueColumn, 5> kPValueColumns = {{
    {"p_lognormal", &TensorFit::ks_lognormal, TestedLaw::normal},
    {"p_normal", &TensorFit::ks_normal, TestedLaw::normal},
    {"p_laplace", &TensorFit::ks_laplace, TestedLaw::laplace},
    {"p_halfnormal", &TensorFit::ks_halfnormal, TestedLaw::halfnormal},
    {"p_exponential", &TensorFit::ks_exponential, TestedLaw::exponential},
}};

struct GeneralisedColumn {
  std::string_view name;
  double GeneralisedFit::*field;
};
constexpr std::array<GeneralisedColumn, 4> kGeneralisedColumns = {{
    {"gen_mu", &GeneralisedFit::mu},
    {"gen_sigma", &GeneralisedFit::sigma},
    {"gen_shape", &GeneralisedFit::shape},
    {"ks_generalised", &GeneralisedFit::ks},
}};

/// What the fit sees of a tensor.
struct FitSource {
  enum class Kind : std::uint8_t { tensor, sample, histogram };
  Kind kind = Kind::tensor;
  std::uint32_t parameter = 0;  ///< sample: elements; histogram: mantissa bits

  static FitSource parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const auto number = [&](std::uint64_t least, std::uint64_t most) {
      return static_cast<std::uint32_t>(
          parse_integer(fmt::format("--from {}", name), text.substr(colon + 1), least, most));
    };
    const bool has_number = colon != std::string_view::npos;
    if (text == "tensor") return {};
    if (name == "sample" && has_number) return {Kind::sample, number(2, 1u << 30)};
    if (name == "histogram") return {Kind::histogram, has_number ? number(0, 7) : 0};
    throw UserError(fmt::format(
        "--from: '{}' is unknown; expected tensor, sample:N or histogram[:BITS]", text));
  }
};

/// All that is asked of one sample, in the order of its columns.
struct Answers {
  TensorFit fit;
  std::vector<double> more;  ///< generalised, quantiles
};

struct Row {
  std::optional<std::uint64_t> channel;
  Answers seen;                 ///< of what --from leaves
  std::optional<Answers> full;  ///< of all elements, where that is something else
  double fitted = 0.0;          ///< finite nonzeros in `seen`
  FitPanel panel;
};

/// The elements of one channel after the other: of axis 1 where there are four axes or more (NCHW),
/// of the last elsewhere (linear layers).
class Channels {
 public:
  explicit Channels(const std::vector<std::int64_t>& shape) {
    if (shape.empty()) return;
    const std::size_t axis = shape.size() >= 4 ? 1 : shape.size() - 1;
    count_ = static_cast<std::size_t>(shape[axis]);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (i < axis) outer_ *= static_cast<std::size_t>(shape[i]);
      if (i > axis) inner_ *= static_cast<std::size_t>(shape[i]);
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  void gather(const TensorSource& source, std::size_t channel, std::vector<float>& out) const {
    out.clear();
    std::vector<float> buffer;
    for (std::size_t o = 0; o < outer_; ++o) {
      const auto run = source.read((o * count_ + channel) * inner_, inner_, buffer);
      out.insert(out.end(), run.begin(), run.end());
      if (o % kReleaseEvery == 0) source.release(0, source.numel());
    }
    source.release(0, source.numel());
  }

 private:
  std::size_t count_ = 1;
  std::size_t outer_ = 1;
  std::size_t inner_ = 1;
};

class FitCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "fit",
        .synopsis = "TRACE... [options]",
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
    TraceSelection::add_options(options);
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
    selection_.setup(arguments);
    output_.setup(arguments);
    per_channel_ = arguments.flag("per-channel");
    source_ = FitSource::parse(arguments.text("from"));
    generalised_ = arguments.flag("generalised");
    p_values_ = arguments.flag("p-values");
    if (arguments.has("quantiles")) {
      quantiles_ = parse_number_list("--quantiles", arguments.text("quantiles"), 0.0, 1.0);
    }
    plot_ = arguments.optional_text("plot");
    if (plot_ && !plot_->ends_with(".svg")) {
      throw UserError(
          fmt::format("--plot: '{}' is drawn as SVG; give a name ending in .svg", *plot_));
    }
  }

  ExitCode run(Session& session) override {
    output_.open();
    selection_.open();
    std::optional<AtomicFile> picture;
    if (plot_) picture.emplace(*plot_);
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    std::vector<std::vector<Row>> rows(tensors.size());
    Progress progress(session, "fit", tensors.size());
    const std::size_t at_once = std::min<std::size_t>(session.threads, tensors.size());
    const std::size_t batch = kSorted / std::clamp<std::size_t>(at_once, 1, 32);
    parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
      rows[i] = for_tensor(tensors[i], [&] { return fit_rows(tensors[i], batch, session.seed); });
      progress.add(1);
    });
    Table table(columns());
    std::vector<FitPanel> panels;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      for (Row& row : rows[i]) {
        table.add_row(cells(tensors[i], row));
        if (plot_) panels.push_back(std::move(row.panel));
      }
    }
    if (picture) {
      if (panels.size() > kMostPanels) {
        throw UserError(
            fmt::format("--plot: {} panels are too many to look at, {} at most; select "
                        "fewer with --tensors or leave --per-channel out",
                        panels.size(), kMostPanels));
      }
      picture->write(plot_svg(panels));
      picture->commit();
    }
    output_.write(table, session);
    return ExitCode::good;
  }

 private:
  [[nodiscard]] std::vector<Row> fit_rows(const SelectedTensor& selected, std::size_t batch,
                                          Seed user_seed) const {
    const Tensor& tensor = *selected.tensor;
    const TensorSource source = float_source(selected.trace->file(), tensor);
    const Seed seed = tensor_seed(user_seed, RandomUnit::pruner, tensor.name);
    std::vector<Row> rows;
    if (!per_channel_) {
      rows.push_back(fit_row(source, seed, tensor.name, batch));
      return rows;
    }
    const Channels channels(tensor.shape);
    std::vector<float> values;
    for (std::size_t channel = 0; channel < channels.count(); ++channel) {
      channels.gather(source, channel, values);
      rows.push_back(fit_row(TensorSource(values), derive(seed, channel),
                             fmt::format("{} channel {}", tensor.name, channel), batch));
      rows.back().channel = channel;
    }
    return rows;
  }

  [[nodiscard]] Row fit_row(const TensorSource& source, Seed seed, const std::string& title,
                            std::size_t batch) const {
    Row row;
    if (source_.kind == FitSource::Kind::tensor) {
      row.seen = answers(SortedMagnitudes(source, batch), title, row.panel);
      row.fitted = static_cast<double>(row.seen.fit.counts.nonzeros());
      return row;
    }
    FitPanel unused;
    row.full = answers(SortedMagnitudes(source, batch), title, unused);
    const std::vector<float> left =
        source_.kind == FitSource::Kind::sample
            ? draw_sample(source, source_.parameter, seed)
            : histogram_stand_in(source, static_cast<int>(source_.parameter));
    row.seen = answers(SortedMagnitudes(left, batch), title, row.panel);
    TensorFit& fit = row.seen.fit;
    row.fitted = static_cast<double>(fit.counts.nonzeros());
    // Counting is cheap in any hardware: counts are the tensor's, and so is the n of the maximum.
    fit.counts = row.full->fit.counts;
    if (fit.sigma_ln > 0.0) {
      const double n = static_cast<double>(fit.counts.nonzeros());
      fit.expected_max = std::exp(fit.mu_ln + fit.sigma_ln * std::sqrt(2.0 * std::log(n)));
    }
    return row;
  }

  Answers answers(const SortedMagnitudes& sorted, const std::string& title, FitPanel& panel) const {
    Answers answers{.fit = fit_tensor(sorted), .more = {}};
    GeneralisedFit generalised;
    if (generalised_ || plot_) generalised = fit_generalised(sorted);
    if (generalised_) {
      for (const auto& column : kGeneralisedColumns) {
        answers.more.push_back(generalised.*column.field);
      }
    }
    for (const double p : quantiles_) answers.more.push_back(magnitude_quantile(sorted, p));
    if (plot_) panel = make_panel(title, sorted, answers.fit, generalised);
    return answers;
  }

  [[nodiscard]] std::vector<std::string> columns() const {
    std::vector<std::string> names = {"trace", "tensor"};
    if (per_channel_) names.emplace_back("channel");
    for (const char* name :
         {"numel", "zeros", "subnormals", "infs", "nans", "abs_min", "abs_max"}) {
      names.emplace_back(name);
    }
    std::vector<std::string> fitted;
    for (const FitColumn& column : kFitColumns) fitted.emplace_back(column.name);
    if (generalised_) {
      for (const auto& column : kGeneralisedColumns) fitted.emplace_back(column.name);
    }
    for (const double p : quantiles_) fitted.push_back("abs_q" + number_text(p));
    names.insert(names.end(), fitted.begin(), fitted.end());
    if (p_values_) {
      for (const PValueColumn& column : kPValueColumns) names.emplace_back(column.name);
    }
    if (source_.kind != FitSource::Kind::tensor) {
      for (const std::string& name : fitted) names.push_back(name + "_error");
    }
    return names;
  }

  [[nodiscard]] std::vector<Cell> cells(const SelectedTensor& selected, const Row& row) const {
    const TensorCounts& counts = row.seen.fit.counts;
    std::vector<Cell> cells = {selected.trace->path(), selected.tensor->name};
    if (per_channel_) cells.emplace_back(*row.channel);
    for (const std::uint64_t count :
         {counts.numel, counts.zeros, counts.subnormals, counts.infs, counts.nans}) {
      cells.emplace_back(count);
    }
    cells.emplace_back(counts.abs_min);
    cells.emplace_back(counts.abs_max);
    const auto fitted = [](const Answers& answers) {
      std::vector<double> values;
      for (const FitColumn& column : kFitColumns) values.push_back(answers.fit.*column.field);
      values.insert(values.end(), answers.more.begin(), answers.more.end());
      return values;
    };
    const std::vector<double> seen = fitted(row.seen);
    cells.insert(cells.end(), seen.begin(), seen.end());
    if (p_values_) {
      for (const PValueColumn& column : kPValueColumns) {
        cells.emplace_back(
            lilliefors_p_value(column.law, row.seen.fit.*column.distance, row.fitted));
      }
    }
    if (row.full) {
      const std::vector<double> full = fitted(*row.full);
      for (std::size_t i = 0; i < full.size(); ++i) cells.emplace_back(seen[i] - full[i]);
    }
    return cells;
  }

  TraceSelection selection_;
  TableOutput output_;
  bool per_channel_ = false;
  FitSource source_;
  bool generalised_ = false;
  bool p_values_ = false;
  std::vector<double> quantiles_;
  std::optional<std::string> plot_;
};

}  // namespace

CommandPtr make_fit_command() { return std::make_unique<FitCommand>(); }

}  // namespace gradpath::cli
