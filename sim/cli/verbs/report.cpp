#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/amended.hpp"
#include "sim/explore/results_store.hpp"
#include "sim/explore/results_summary.hpp"
#include "sim/report/report_page.hpp"
#include "traces/atomic_file.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

class ReportCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "report",
        .synopsis = "--db FILE -o FILE.html [options]",
        .summary = "what a sweep's results say, as one HTML file: rankings, charts, tables",
        .examples = {{{"gradpath report --db sweep.db -o sweep.html",
                       "after `gradpath sweep ... --db sweep.db`: error against bits, the best "
                       "format of every width by every measure, and of every tensor"},
                      {"gradpath report --db sweep.db --tensors '*conv*grad_output' --title "
                       "Convolutions -o conv.html",
                       "the same of some tensors alone; nothing is computed again"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    options.group("Input")
        .value("db", "FILE", "the results that `gradpath sweep --db FILE` kept")
        .file(FileUse::read)
        .value(
            "tensors", "GLOB",
            "the tensors to report on, by name (default: *grad_output*, or all if there are none "
            "of these)");
    options.group("Report")
        .value("output", "FILE.html", "the report: one file that needs no other")
        .letter('o')
        .file(FileUse::write)
        .value("title", "TEXT", "its title; default: the name of --db's file");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    db_ = arguments.text("db");
    table_output_.setup(arguments);
    glob_ = arguments.optional_text("tensors");
    path_ = arguments.text("output");
    title_ = arguments.optional_text("title").value_or(
        "Sweep: " + std::filesystem::path(db_).filename().string());
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    AtomicFile file(path_);
    std::vector<SweepRow> results =
        amended([&] { return read_results(db_); }, "; make one with `gradpath sweep --db`");
    if (results.empty()) {
      throw UserError(
          fmt::format("{}: holds no result yet; fill it with `gradpath sweep --db`", db_));
    }
    const std::string example = results.front().tensor;
    const auto takes = [&](const auto& row) {
      return matches_glob(glob_.value_or(std::string(TensorChoice::kDefault)), row.tensor);
    };
    if (glob_ || std::ranges::any_of(results, takes)) std::erase_if(results, std::not_fn(takes));
    if (results.empty()) {
      throw UserError(fmt::format("{}: no tensor matches --tensors '{}'; it has e.g. {}", db_,
                                  *glob_, quote(example)));
    }
    std::set<std::tuple<std::string, std::string>> tensors;
    for (const SweepRow& row : results) tensors.emplace(row.profile_id, row.tensor);
    const std::vector<SettingSummary> settings = summarise(results);
    file.write(report_page({.title = title_,
                            .version = version(),
                            .configuration = session.configuration,
                            .results = results.size(),
                            .tensors = tensors.size()},
                           settings));
    file.commit();
    table_output_.write(rankings(settings), session);
    return ExitCode::good;
  }

 private:
  static Table rankings(const std::vector<SettingSummary>& settings) {
    Table table({"setting", "bits", "measure", "format", "wins", "median_margin", "candidates"});
    for (const SettingSummary& setting : settings) {
      for (const Ranking& ranking : setting.rankings) {
        for (const auto& [format, wins] : ranking.wins) {
          table.add_row({setting.setting, std::int64_t{ranking.bits},
                         std::string(ranking.measure->name), format, std::uint64_t{wins},
                         ranking.median_margin, std::uint64_t{ranking.candidates}});
        }
      }
    }
    return table;
  }

  TableOutput table_output_;
  std::string db_;
  std::optional<std::string> glob_;
  std::string path_;
  std::string title_;
};

}  // namespace

CommandPtr make_report_command() { return std::make_unique<ReportCommand>(); }

}  // namespace gradpath::cli
