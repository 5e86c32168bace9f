#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"
#include "models/theory/best_split.hpp"
#include "models/theory/expected_max.hpp"
#include "models/theory/lognormal_pruning.hpp"
#include "models/theory/split_error.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/parallel.hpp"

namespace gradpath::cli {
namespace {

constexpr double kLn2 = std::numbers::ln2;
constexpr double kLeastSigma = 1e-6;
constexpr double kMostSigma = 1e4;
constexpr double kMostN = 1e18;
constexpr std::uint64_t kMostRows = 5'000'000;

/// One option of the numbers that a table is made for.
struct NumberOption {
  std::string_view name;
  std::string_view fallback;  ///< where the table takes it and the user does not say
  double least;
  double most;
  bool is_integer;
  std::string_view help;
};

constexpr double kBelowOne = 1.0 - 0x1p-53;
constexpr double kAboveZero = std::numeric_limits<double>::min();

constexpr std::array kNumberOptions = {
    NumberOption{"mu", "0", -700.0, 700.0, false, "prune: mean of ln|x|"},
    NumberOption{"sigma", "1", kLeastSigma, kMostSigma, false,
                 "all: standard deviation of ln|x|, in nats"},
    NumberOption{"sigma-log2", "1:8:1", kLeastSigma, kMostSigma, false,
                 "all: the same of log2|x|, in octaves; instead of --sigma"},
    NumberOption{"sparsity", "0.5,0.8,0.9,0.95", 0.0, kBelowOne, false,
                 "prune: fractions of zeros, from 0 to below 1"},
    NumberOption{"alpha", "", kAboveZero, 1e300, false, "prune: thresholds, instead of --sparsity"},
    NumberOption{"cosine", "", 1e-9, kBelowOne, false,
                 "prune: cosines to be reached, instead of --sparsity"},
    NumberOption{"exponent-bits", "2:5:1", 1, theory::kMostExponentBits, true,
                 "error: bits of the exponent, 1 to 8"},
    NumberOption{"mantissa-bits", "0:3:1", 0, theory::kMostMantissaBits, true,
                 "error: bits of the mantissa, 0 to 23"},
    NumberOption{"bits", "4:8:1", theory::kFewestBits, theory::kMostBits, true,
                 "split: bits of the format with its sign, 2 to 32"},
    NumberOption{"n", "1e3,1e6,1e9,1e12", 1.0, kMostN, true, "max: numbers of elements"},
};

/// One value a column that the rows are made from, in the order of Topic::options.
using Point = std::vector<double>;

/// A table of the verb.
struct Topic {
  std::string_view name;
  std::vector<std::string_view> options;  ///< the product of their lists is the rows
  bool is_per_octave;                     ///< sigma_log2 in place of sigma
  std::vector<std::string> columns;
  std::vector<Cell> (*row)(const Point&);
};

std::vector<Cell> prune_row(double mu, double sigma, double sparsity, double u) {
  return {mu,
          sigma,
          sparsity,
          std::exp(mu + sigma * u),
          theory::promoted_fraction(u, sigma),
          theory::pruning_cosine(u, sigma),
          sparsity > 0.0 ? theory::topk_cosine(std::min(sparsity, kBelowOne), sigma) : 1.0};
}

const std::vector<std::string> kPruneColumns = {
    "mu", "sigma", "sparsity", "alpha", "promoted_fraction", "cosine", "topk_cosine"};

std::vector<Cell> prune_by_sparsity(const Point& p) {
  if (p[2] == 0.0) return {p[0], p[1], 0.0, 0.0, 0.0, 1.0, 1.0};  // nothing to prune
  return prune_row(p[0], p[1], p[2], theory::standard_threshold(p[2], p[1]));
}

std::vector<Cell> prune_by_alpha(const Point& p) {
  const double u = (std::log(p[2]) - p[0]) / p[1];
  std::vector<Cell> row = prune_row(p[0], p[1], theory::pruned_fraction(u, p[1]), u);
  row[3] = p[2];  // not through its logarithm
  return row;
}

std::vector<Cell> prune_by_cosine(const Point& p) {
  const double u = theory::threshold_of_cosine(p[2], p[1]);
  return prune_row(p[0], p[1], theory::pruned_fraction(u, p[1]), u);
}

theory::Split split(double exponent_bits, double mantissa_bits) {
  return {static_cast<int>(exponent_bits), static_cast<int>(mantissa_bits)};
}

std::int64_t integer(double number) { return static_cast<std::int64_t>(number); }

std::vector<Topic> all_topics() {
  return {
      {"prune", {"mu", "sigma", "sparsity"}, false, kPruneColumns, prune_by_sparsity},
      {"prune", {"mu", "sigma", "alpha"}, false, kPruneColumns, prune_by_alpha},
      {"prune", {"mu", "sigma", "cosine"}, false, kPruneColumns, prune_by_cosine},
      {"error",
       {"sigma-log2", "exponent-bits", "mantissa-bits"},
       true,
       {"sigma_log2", "exponent_bits", "mantissa_bits", "mean_relative_error",
        "mean_relative_error_exact"},
       [](const Point& p) -> std::vector<Cell> {
         return {p[0], integer(p[1]), integer(p[2]),
                 theory::split_error_smooth(p[0], split(p[1], p[2])),
                 theory::split_error_exact(p[0], split(p[1], p[2]))};
       }},
      {"split",
       {"sigma-log2", "bits"},
       true,
       {"sigma_log2", "bits", "best_exponent_bits", "mean_relative_error"},
       [](const Point& p) -> std::vector<Cell> {
         const theory::BestSplit best = theory::best_split(p[0], static_cast<int>(p[1]));
         return {p[0], integer(p[1]), std::int64_t{best.split.exponent_bits},
                 best.mean_relative_error};
       }},
      {"max",
       {"sigma", "n"},
       false,
       {"sigma", "n", "expected_max", "expected_max_bound"},
       [](const Point& p) -> std::vector<Cell> {
         return {p[0], integer(p[1]), theory::expected_max(p[0], p[1]),
                 theory::expected_max_bound(p[0], p[1])};
       }},
  };
}

std::vector<std::string_view> topic_names() { return {"prune", "error", "split", "max"}; }

/// The topic's form whose options are those given: `prune` has three.
Topic find_topic(std::string_view name, const Arguments& arguments) {
  std::vector<Topic> forms;
  for (const Topic& topic : all_topics()) {
    if (topic.name == name) forms.push_back(topic);
  }
  if (forms.empty()) {
    throw UserError(fmt::format("unknown table '{}'; the nearest is '{}' of {}", name,
                                nearest(name, topic_names()), fmt::join(topic_names(), ", ")));
  }
  const auto given = [&](std::string_view option) { return arguments.has(option); };
  for (const Topic& form : forms) {
    if (given(form.options.back())) return form;
  }
  return forms.front();
}

class TheoryCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "theory",
        .synopsis = "prune|error|split|max [options]",
        .summary = "closed forms as tables: pruning, error of a split, best split, expected max",
        .examples = {{{"gradpath theory prune --sigma 0.5:3:0.5 --sparsity 0.8,0.9,0.95",
                       "threshold, promoted fraction and cosine of lognormal gradients"},
                      {"gradpath theory split --bits 4:8 --crossings",
                       "the sigmas (of log2|x|) at which another split of so many bits is best"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    options.positional("what", 1);
    options.group("Numbers: lists and ranges, 0.5,1,2 or FIRST:LAST:STEP or FIRST:LAST:xFACTOR");
    for (const NumberOption& option : kNumberOptions) {
      std::string help(option.help);
      if (!option.fallback.empty()) help += fmt::format(" (default: {})", option.fallback);
      options.value(option.name, "LIST", help);
    }
    options.group("split").flag("crossings",
                                "the sigmas where the best split changes, 0.1 to 1000 octaves");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    output_.setup(arguments);
    if (arguments.positional().empty()) {
      throw UserError(
          fmt::format("no table is named; give one of {}", fmt::join(topic_names(), ", ")));
    }
    topic_ = find_topic(arguments.positional().front(), arguments);
    crossings_ = arguments.flag("crossings");
    if (crossings_ && topic_.name != "split") {
      throw UserError(
          fmt::format("--crossings has no meaning for '{}'; it goes with 'split'", topic_.name));
    }
    if (arguments.has("sigma") && arguments.has("sigma-log2")) {
      throw UserError("--sigma and --sigma-log2 are one thing in two units; give one of them");
    }
    for (const NumberOption& option : kNumberOptions) {
      if (arguments.has(option.name)) refuse_foreign(option.name);
    }
    std::uint64_t rows = 1;
    for (const std::string_view name : topic_.options) {
      lists_.push_back(is_sigma(name) ? sigmas(arguments) : numbers(arguments, name));
      rows *= lists_.back().size();
      if (rows > kMostRows) {
        throw UserError(
            fmt::format("the options make more than {} rows; take larger steps", kMostRows));
      }
    }
    rows_ = rows;
  }

  ExitCode run(Session& session) override {
    output_.open();
    output_.write(crossings_ ? crossings(session) : table(session), session);
    return ExitCode::good;
  }

 private:
  static bool is_sigma(std::string_view name) { return name == "sigma" || name == "sigma-log2"; }

  void refuse_foreign(std::string_view name) const {
    const auto takes = [&](std::string_view option) {
      return std::ranges::find(topic_.options, option) != topic_.options.end();
    };
    if (is_sigma(name) ? !crossings_ : takes(name)) return;
    std::vector<std::string> taken;
    for (const std::string_view option : topic_.options) {
      if (!(crossings_ && is_sigma(option))) taken.push_back(fmt::format("--{}", option));
    }
    throw UserError(fmt::format("--{} has no meaning for '{}{}'; it takes {}", name, topic_.name,
                                crossings_ ? " --crossings" : "", fmt::join(taken, ", ")));
  }

  static std::vector<double> numbers(const Arguments& arguments, std::string_view name) {
    const NumberOption& option = *std::ranges::find(kNumberOptions, name, &NumberOption::name);
    const std::string text = arguments.optional_text(name).value_or(std::string(option.fallback));
    const std::string what = fmt::format("--{}", name);
    std::vector<double> list = parse_number_list(what, text, option.least, option.most);
    if (option.is_integer) {
      // Read again for the check alone: small integers are exact as doubles.
      (void)parse_integer_list(what, text, integer(option.least), integer(option.most));
    }
    return list;
  }

  [[nodiscard]] std::vector<double> sigmas(const Arguments& arguments) const {
    const bool is_given_per_octave =
        arguments.has("sigma-log2") || (topic_.is_per_octave && !arguments.has("sigma"));
    std::vector<double> list = numbers(arguments, is_given_per_octave ? "sigma-log2" : "sigma");
    for (double& sigma : list) {
      if (is_given_per_octave && !topic_.is_per_octave) sigma *= kLn2;
      if (!is_given_per_octave && topic_.is_per_octave) sigma /= kLn2;
    }
    return list;
  }

  /// Row `index` of the product of the lists, the last list running fastest.
  [[nodiscard]] Point point(std::uint64_t index) const {
    Point point(lists_.size());
    for (std::size_t i = lists_.size(); i-- > 0;) {
      point[i] = lists_[i][index % lists_[i].size()];
      index /= lists_[i].size();
    }
    return point;
  }

  [[nodiscard]] Table table(const Session& session) const {
    std::vector<std::vector<Cell>> rows(rows_);
    Progress progress(session, "theory", rows_);
    parallel_for(rows_, session.threads, [&](std::size_t i) {
      rows[i] = topic_.row(point(i));
      progress.add(1);
    });
    Table table(topic_.columns);
    for (auto& row : rows) table.add_row(std::move(row));
    return table;
  }

  [[nodiscard]] Table crossings(const Session& session) const {
    const std::vector<double>& bits = lists_.back();
    std::vector<std::vector<theory::Crossing>> found(bits.size());
    Progress progress(session, "theory", bits.size());
    parallel_for(bits.size(), session.threads, [&](std::size_t i) {
      found[i] = theory::split_crossings(static_cast<int>(bits[i]));
      progress.add(1);
    });
    Table table({"bits", "from_exponent_bits", "to_exponent_bits", "sigma_log2"});
    for (std::size_t i = 0; i < bits.size(); ++i) {
      for (const theory::Crossing& crossing : found[i]) {
        table.add_row({integer(bits[i]), std::int64_t{crossing.from_exponent_bits},
                       std::int64_t{crossing.to_exponent_bits}, crossing.sigma_log2});
      }
    }
    return table;
  }

  Topic topic_{};
  bool crossings_ = false;
  std::vector<std::vector<double>> lists_;  ///< one for each of topic_.options
  std::uint64_t rows_ = 0;
  TableOutput output_;
};

}  // namespace

CommandPtr make_theory_command() { return std::make_unique<TheoryCommand>(); }

}  // namespace gradpath::cli
