#include "sim/explore/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/profile_inputs.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/amended.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/sweep_columns.hpp"
#include "sim/explore/sweep_run.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

class SweepCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "sweep",
        .synopsis = "TRACE|PROFILE... --formats LIST [options]",
        .summary = "the error of every format, rounding, scale and sparsity on every tensor",
        .examples = {
            {{"gradpath sweep trace.safetensors --formats e{2..6}m{1..5}f,e4m3fn --round rne,sr "
              "--scale none,amax-po2 --csv sweep.csv",
              "one pass over the trace, then every combination from the profiles"},
             {"gradpath sweep trace.profile --best 8 --by mean_relative_error --scale amax-po2",
              "the best of all splits of 8 bits for each tensor, how far the second is behind, and "
              "how "
              "many were compared"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    ProfileInputs::add_options(options);
    options.group("Design space")
        .value("formats", "LIST", "names and ranges: e5m2,e4m3fn,e{2..6}m{0..5}f")
        .words(format_names())
        .value("bits", "LIST", "every split e{E}m{M}f of so many bits: 8 or 4:8")
        .value_or("round", "LIST", "rne", "values between two codes")
        .of(rounding_grammar())
        .value_or("overflow", "LIST", "standard", "values past the largest finite")
        .of(overflow_grammar())
        .value_or("scale", "LIST", "none",
                  "what is done to the values ahead of the cast, but for delayed, s2fp8 and "
                  "loss-scaling, which depend on more than a tensor")
        .of(scaling_grammar())
        .value_or("axis", "N", "-1", "the axis of the blocks, from 0 or, negative, from the end")
        .value_or("sparsity", "LIST", "0", "targets of pruning before the cast; 0 is none")
        .value_or("pruning", "WAY", "kernel",
                  "kernel: every element, with its random word; expected: expectations over the "
                  "words, from the profile, within the bounds of the columns *_bound")
        .words({"kernel", "expected"});
    options.group("Work")
        .value("db", "FILE", "SQLite file that keeps results; what is in it is not done again")
        .file(FileUse::update)
        .flag("brute-force", "cast every element instead of asking the profile");
    options.group("Cost")
        .value("cost", "FILE",
               "CSV of scripts/synth: adds area_ge, delay_fo4, power_proxy by format and rounding "
               "(nan where it has none)")
        .file(FileUse::read)
        .value_or("cost-block", "LIST", "multiplier,quantizer_lane",
                  "blocks whose areas and powers add up, and whose longest delay counts")
        .value(
            "pareto", "MEASURE",
            "adds pareto: 1 where no point of the tensor and sparsity has less error and area; " +
                measure_names());
    options.group("Best split")
        .value("best", "LIST", "show the best format of so many bits for each tensor: 8 or 4:8")
        .value_or("by", "MEASURE", "mean_relative_error", measure_names() + ", for --best");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    inputs_.setup(arguments);
    table_output_.setup(arguments);
    by_ = &find_measure(arguments.text("by"), "--by");
    std::vector<std::string> formats;
    if (arguments.has("formats")) formats = parse_format_list(arguments.text("formats"));
    const auto add_splits = [&](const std::vector<std::int64_t>& widths) {
      for (const std::int64_t bits : widths) {
        for (std::string& name : split_names(static_cast<int>(bits))) {
          if (std::ranges::find(formats, name) == formats.end()) formats.push_back(std::move(name));
        }
      }
    };
    if (arguments.has("bits")) add_splits(widths(arguments, "bits"));
    if (arguments.has("best")) best_bits_ = widths(arguments, "best");
    if (formats.empty()) add_splits(best_bits_);
    if (formats.empty()) formats = parse_format_list(arguments.text("formats"));
    for (const std::int64_t bits : best_bits_) {
      if (std::ranges::count(formats, bits, bits_of) > 0) continue;
      throw UserError(
          fmt::format("--formats has no format of {} bits, which --best asks for; "
                      "leave it out for all splits",
                      bits));
    }
    if (!best_bits_.empty()) {
      std::erase_if(formats, [&](const std::string& name) {
        return std::ranges::find(best_bits_, bits_of(name)) == best_bits_.end();
      });
    }
    std::vector<Rounding> roundings;
    for (const auto& text : arguments.list("round")) roundings.push_back(parse_rounding(text));
    std::vector<Overflow> overflows;
    for (const auto& text : arguments.list("overflow")) overflows.push_back(parse_overflow(text));
    points_ = sweep_points(formats, roundings, overflows, arguments.list("scale"),
                           parse_axis(arguments.text("axis")),
                           arguments.reals("sparsity", 0.0, std::nextafter(1.0, 0.0)));
    if (arguments.choice("pruning") == "expected") {
      for (SweepPoint& point : points_) point.is_expected = true;
    }
    setup_cost(arguments);
    db_ = arguments.optional_text("db");
    brute_force_ = arguments.flag("brute-force");
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    if (cost_path_) cost_ = CostTable::read(*cost_path_, cost_blocks_);
    inputs_.open();
    std::optional<ResultsStore> store;
    if (db_) {
      amended([&] { store.emplace(*db_); }, "; give another path to --db");
    }
    const std::vector<ProfiledTensor> tensors =
        inputs_.profiles(session, brute_force_ ? std::vector<BlockKey>{} : needed_blocks(points_));
    std::vector<std::vector<SweepResult>> results(tensors.size());
    Progress progress(session, "sweep", tensors.size() * points_.size());
    const auto keep = [&] {
      if (store) store->commit();
    };
    try {
      parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
        results[i] = sweep(tensors[i], session, store ? &*store : nullptr, progress);
      });
    } catch (...) {
      keep();  // what was computed before the failure stays
      throw;
    }
    keep();
    note_what_is_skipped(tensors, results, session);
    table_output_.write(
        best_bits_.empty() ? full_table(tensors, results) : best_table(tensors, results), session);
    return ExitCode::good;
  }

 private:
  static std::vector<std::int64_t> widths(const Arguments& arguments, std::string_view name) {
    return parse_integer_list(fmt::format("--{}", name), arguments.text(name), 2, 32);
  }
  static std::int64_t bits_of(const std::string& format) { return parse_format(format).bits(); }

  std::vector<SweepResult> sweep(const ProfiledTensor& input, const Session& session,
                                 ResultsStore* store, Progress& progress) const {
    // Most sweeps never look at the elements: F32 data are a view, others are converted if needed.
    std::optional<TensorFloats> floats;
    SweepTensor known{.name = input.tensor, .profile = input.profile, .blocks = input.blocks};
    if (input.source) {
      floats.emplace(*input.source->tensor);
      known.values = floats->values();
      known.shape = input.source->tensor->shape;
    }
    auto results = amended(
        [&] {
          TensorSweep tensor(std::move(known), session.seed);
          return answer_points(tensor, input.trace, points_,
                               {.brute_force = brute_force_, .store = store},
                               [&] { progress.add(1); });
        },
        "", fmt::format("{}: tensor {}: ", input.trace, quote(input.tensor)));
    if (input.source) input.source->trace->file().release(*input.source->tensor);
    return results;
  }

  // One line, however many: the rows say each reason.
  void note_what_is_skipped(const std::vector<ProfiledTensor>& tensors,
                            const std::vector<std::vector<SweepResult>>& results,
                            const Session& session) const {
    std::size_t skipped = 0;
    std::string first;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      for (std::size_t p = 0; p < points_.size(); ++p) {
        const std::string& reason = results[i][p].skipped;
        if (reason.empty() || ++skipped > 1) continue;
        first = fmt::format("{}, tensor {}, {}: {}", tensors[i].trace, quote(tensors[i].tensor),
                            points_[p].name(), reason);
      }
    }
    if (skipped > 0) {
      session.note(fmt::format("{} of {} points are skipped (column skipped), the first: {}",
                               skipped, tensors.size() * points_.size(), first));
    }
  }

  void setup_cost(const Arguments& arguments) {
    cost_path_ = arguments.optional_text("cost");
    cost_blocks_ = arguments.list("cost-block");
    if (arguments.has("pareto")) {
      pareto_ = &find_measure(arguments.text("pareto"), "--pareto");
      if (!cost_path_) throw UserError("--pareto weighs errors against areas: name a --cost FILE");
    }
    if (cost_path_ && !best_bits_.empty()) {
      throw UserError("--cost belongs to the table of all points; leave --best out");
    }
  }

  [[nodiscard]] Table full_table(const std::vector<ProfiledTensor>& tensors,
                                 const std::vector<std::vector<SweepResult>>& results) const {
    const auto none = sweep_columns().first(0);
    const auto columns = shown_columns<SweepRow>({sweep_columns(), cost_ ? cost_columns() : none,
                                                  pareto_ != nullptr ? front_columns() : none});
    Table table = Table::of(std::span<const Column<SweepRow>>(columns));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto front = pareto_ == nullptr ? std::vector<bool>(points_.size())
                                            : sweep_front(points_, results[i], *pareto_, *cost_);
      for (std::size_t p = 0; p < points_.size(); ++p) {
        SweepRow row = sweep_row(tensors[i].trace, tensors[i].tensor, points_[p], results[i][p]);
        row.is_on_front = front[p];
        if (cost_) {
          row.cost = cost_->find(points_[p].format, points_[p].rounding, points_[p].overflow);
        }
        table.add_row(cells<SweepRow>(columns, row));
      }
    }
    return table;
  }

  [[nodiscard]] Table best_table(const std::vector<ProfiledTensor>& tensors,
                                 const std::vector<std::vector<SweepResult>>& results) const {
    Table table = Table::of(best_columns());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      for (const BestSplit& split : best_splits(points_, results[i], *by_)) {
        table.add_row(cells(best_columns(), {tensors[i].trace, tensors[i].tensor, by_, split}));
      }
    }
    return table;
  }

  ProfileInputs inputs_;
  TableOutput table_output_;
  std::vector<SweepPoint> points_;
  std::optional<std::string> db_;
  bool brute_force_ = false;
  std::vector<std::int64_t> best_bits_;  ///< empty: all points are shown
  const Measure* by_ = nullptr;
  std::optional<std::string> cost_path_;
  std::vector<std::string> cost_blocks_;
  std::optional<CostTable> cost_;
  const Measure* pareto_ = nullptr;
};

}  // namespace

CommandPtr make_sweep_command() { return std::make_unique<SweepCommand>(); }

}  // namespace gradpath::cli
