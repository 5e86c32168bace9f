#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/framework/wave_file.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/threshold_columns.hpp"
#include "sim/verify/banks/waveform.hpp"
#include "sim/verify/checks/checks.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

class VerifyCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "verify",
        .synopsis = "[TRACE...] [options]",
        .summary = "compares the Verilog modules with the golden model, bit for bit",
        .examples = {{{"gradpath verify --module quantizer_lane --format e5m2,e4m3fn",
                       "two formats on every bf16 value and every rounding boundary"},
                      {"gradpath verify run.safetensors --module quantizer,pruner --csv verify.csv",
                       "every gradient of a trace through the streaming modules"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    options.positional("trace", -1, FileUse::source)
        .group("Modules (default: all that were built)")
        .value("module", "LIST", fmt::format("{}", fmt::join(verify::module_names(), ", ")))
        .value("format", "LIST", "formats of the quantizers")
        .words(format_names())
        .value("round", "LIST", "values between two codes")
        .of(rounding_grammar())
        .value("overflow", "LIST", "values past the largest finite")
        .of(overflow_grammar())
        .group("Input")
        .flag("exhaustive",
              "lanes: all 2^32 inputs instead of chosen ones; sr and sru with the four random "
              "words an "
              "input that decide all, the pruner with three against each of seven thresholds")
        .flag("fail-fast", "end at the first mismatch, but for what is under way")
        .value("trace", "FILE", "a trace, as TRACE is")
        .file(FileUse::read);
    TensorChoice::add_options(options);
    options.value(
        "vectors", "DIR",
        "write stimuli and the golden model's answers for rtl/bench/bench.sv, a folder for "
        "each set of parameters, and compare nothing");
    options.group("Threshold units")
        .value("thresholds", "FILE",
               "CSV: the threshold that each unit chooses for every tensor, and the sparsity it is "
               "expected to reach")
        .file(FileUse::table)
        .value_or("sparsity", "LIST", "0.5,0.8,0.9,0.95", "targets for --thresholds")
        .group("Waveform")
        .value("trace-fst", "FILE",
               "FST of the first row that differs, 64 cycles (of a lane: vectors) before its first "
               "mismatch to 16 after, 1 ns each; first_mismatch says at which ns. If none differs: "
               "of the first row, its first 128")
        .file(FileUse::write);
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    output_.setup(arguments);
    if (arguments.has("module")) options_.modules = arguments.list("module");
    if (arguments.has("format")) {
      for (const std::string& name : parse_format_list(arguments.text("format"))) {
        options_.formats.push_back(parse_format(name));
      }
    }
    if (arguments.has("round")) {
      for (const std::string& name : arguments.list("round")) {
        options_.roundings.push_back(parse_rounding(name));
      }
    }
    if (arguments.has("overflow")) {
      for (const std::string& name : arguments.list("overflow")) {
        options_.overflows.push_back(parse_overflow(name));
      }
    }
    options_.exhaustive = arguments.flag("exhaustive");
    options_.fail_fast = arguments.flag("fail-fast");
    std::vector<std::string> paths = arguments.positional();
    if (const auto path = arguments.optional_text("trace")) paths.push_back(*path);
    traces_.setup(std::move(paths), arguments);
    thresholds_path_ = arguments.optional_text("thresholds");
    if (thresholds_path_ == "-") {
      throw UserError("--thresholds writes a file; '-' is for --csv or --json");
    }
    if (thresholds_path_ && traces_.paths().empty()) {
      throw UserError("--thresholds needs a trace; name one");
    }
    wave_path_ = arguments.optional_text("trace-fst");
    if (wave_path_ == "-") throw UserError("--trace-fst writes a file; '-' is for --csv or --json");
    vectors_path_ = arguments.optional_text("vectors");
    targets_ = arguments.reals("sparsity", 0.0, std::nextafter(1.0, 0.0));
    verify::validate(options_);
  }

  ExitCode run(Session& session) override {
    output_.open();
    options_.seed = session.seed;
    if (vectors_path_) {
      write_vectors(session);
      return ExitCode::good;
    }
    std::vector<verify::Check> checks = verify::make_checks(options_);
    std::optional<TableFile> thresholds_file;
    if (thresholds_path_) thresholds_file.emplace(*thresholds_path_, TableFile::Kind::csv);
    std::optional<WaveFile> wave;
    if (wave_path_) wave.emplace(*wave_path_);
    Table thresholds = Table::of(threshold_columns());
    traces_.open();
    std::list<TensorFloats> floats;  // keeps what the checks look at
    for (const SelectedTensor& selected : traces_.tensors()) {
      const std::string name = selected.trace->path() + ": " + selected.tensor->name;
      floats.emplace_back(*selected.tensor);
      const auto more =
          verify::make_stream_checks(options_, {.name = name, .values = floats.back().values()});
      checks.insert(checks.end(), more.begin(), more.end());
      trace_checks_ += more.size();
      if (thresholds_path_) {
        for (ThresholdRow& row : unit_thresholds(floats.back().values(), targets_)) {
          row.trace = selected.trace->path();
          row.tensor = selected.tensor->name;
          thresholds.add_row(cells(threshold_columns(), row));
        }
      }
    }
    if (!traces_.paths().empty() && trace_checks_ == 0) {
      throw UserError(
          "no value of the traces would be compared: they go through the modules quantizer, "
          "pruner, "
          "amax_unit and the threshold units, which these --module, --format, --round and "
          "--overflow leave out, or the tensors are empty");
    }

    std::vector<verify::Result> results = verify::merge(run_checks(checks, session.threads));
    if (wave) record(checks, results, *wave, session);
    if (thresholds_file) thresholds_file->write(thresholds, session);
    report(results, session);
    return verify::all_equal(results) ? ExitCode::good : ExitCode::check_failed;
  }

 private:
  void write_vectors(Session& session) {
    Table table({"module", "set", "beats"});
    for (const verify::VectorSet& set : verify::make_vector_sets(options_)) {
      set.write(*vectors_path_);
      std::uint64_t beats = 0;
      for (const auto& stream : set.inputs) beats += stream.words.size();
      table.add_row({set.module, set.name, beats});
    }
    output_.write(table, session);
  }

  /// What each check said. With --fail-fast those behind the first that fails say nothing, however
  /// many threads there are: they begin in order, so all before it have run.
  [[nodiscard]] std::vector<std::vector<verify::Result>> run_checks(
      const std::vector<verify::Check>& checks, unsigned threads) const {
    std::vector<std::vector<verify::Result>> parts(checks.size());
    std::atomic<std::size_t> first_failed = checks.size();
    parallel_for(checks.size(), threads, [&](std::size_t i) {
      if (i > first_failed) return;
      parts[i] = checks[i](nullptr);
      if (!options_.fail_fast || verify::all_equal(parts[i])) return;
      std::size_t known = first_failed;
      while (i < known && !first_failed.compare_exchange_weak(known, i)) {
      }
    });
    if (first_failed < parts.size()) parts.resize(first_failed + 1);
    return parts;
  }

  /// Runs the check of the first row that differs, or else of the first, once more.
  static void record(const std::vector<verify::Check>& checks, std::vector<verify::Result>& results,
                     WaveFile& wave, Session& session) {
    const auto differs = [](const verify::Result& r) { return r.mismatches > 0; };
    auto shown = std::find_if(results.begin(), results.end(), differs);
    const bool failed = shown != results.end();
    if (!failed) shown = results.begin();
    {
      verify::Waveform file(
          wave.partial(), failed ? verify::Window::around(shown->tick) : verify::Window::opening());
      try {
        checks[shown->check](&file);
      } catch (const verify::Waveform::Complete&) {
      } catch (const UserError& error) {  // lanes built for speed have none; the results stand
        session.note(fmt::format("no waveform: {}", error.what()));
        return;
      }
      if (failed) {
        shown->first_mismatch +=
            fmt::format("; waveform {} at {} ns", wave.path(), file.time_of(shown->tick));
      }
    }
    wave.commit();
    const auto more = std::count_if(std::next(shown), results.end(), differs);
    if (more > 0) {
      session.note(
          fmt::format("{} more rows differ; --module, --format, --round and --overflow "
                      "choose another for --trace-fst",
                      more));
    }
  }

  void report(const std::vector<verify::Result>& results, Session& session) {
    Table table({"module", "format", "rounding", "vectors", "mismatches", "first_mismatch",
                 "overflow", "scale"});
    std::uint64_t vectors = 0;
    std::uint64_t mismatches = 0;
    for (const verify::Result& r : results) {
      table.add_row({r.module, r.format, r.rounding, r.vectors, r.mismatches, r.first_mismatch,
                     r.overflow, r.scale});
      vectors += r.vectors;
      mismatches += r.mismatches;
    }
    output_.write(table, session);
    if (mismatches > 0 && !wave_path_) {
      session.note("the same run with --trace-fst FILE writes the waveform of the first mismatch");
    }
    session.note(fmt::format("{} comparisons, {} mismatches{}", vectors, mismatches,
                             verify::all_equal(results) ? "" : ": NOT EQUAL"));
  }

  TableOutput output_;
  TraceSelection traces_;
  verify::Options options_;
  std::size_t trace_checks_ = 0;
  std::optional<std::string> thresholds_path_;
  std::optional<std::string> wave_path_;
  std::optional<std::string> vectors_path_;
  std::vector<double> targets_;
};

}  // namespace

CommandPtr make_verify_command() { return std::make_unique<VerifyCommand>(); }

}  // namespace gradpath::cli
