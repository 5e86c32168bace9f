#include "models/mac/gemm.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/mac/gemm_error.hpp"
#include "models/mac/low_precision_gemm.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/scale.hpp"
#include "models/stats/fit.hpp"
#include "sim/cli/framework/parallel.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "traces/safetensors_writer.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// One side of the product: its options, then what the trace has.
struct Side {
  std::string letter;  ///< "a" or "b"
  std::string tensor_name;
  Format format;
  ScalePolicy scale_policy;
  bool transpose = false;

  SelectedTensor selected;
  float scale = 1.0f;
  FormatMatrix matrix;         ///< as cast, still scaled
  std::vector<double> inputs;  ///< as read; for --report
};

std::vector<double> transposed(const std::vector<double>& values, std::int64_t rows,
                               std::int64_t columns) {
  std::vector<double> result(values.size());
  std::size_t from = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      result[static_cast<std::size_t>(c * rows + r)] = values[from++];
    }
  }
  return result;
}

class GemmCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "gemm",
        .synopsis = "TRACE [TRACE] --a NAME --b NAME --accumulator SPEC -o FILE [options]",
        .summary = "multiplies two matrices of a trace with a machine's accumulator, bit for bit",
        .examples = {
            {{"gradpath gemm t.safetensors --a step0/fc/grad_output --b step0/fc/weight "
              "--a-format e5m2 --b-format e4m3fn --scale amax-po2 --accumulator hopper-fp8 "
              "-o dx.safetensors",
              "a linear layer's input gradient as Hopper's FP8 tensor cores sum it"},
             {"gradpath gemm t.safetensors --a step0/fc/grad_output --transpose-a --b "
              "step0/fc/input --a-format e5m2 --b-format e5m2 --accumulator chunk:64:e6m9:fp32 "
              "--report -o dw.safetensors",
              "its weight gradient, summed in chunks of 64, and the error against double"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    options.positional("trace", 2);
    options.group("Operands")
        .value("a", "NAME", "tensor A [M, K], from the first trace")
        .value("b", "NAME", "tensor B [K, N], from the last trace")
        .flag("transpose-a", "A is stored as [K, M]")
        .flag("transpose-b", "B is stored as [N, K]");
    options.group("Number formats")
        .value_or("a-format", "NAME", "fp32", "format that A is cast to; fp32 leaves it as it is")
        .value_or("b-format", "NAME", "fp32", "the same of B")
        .value_or("round", "MODE", "rne",
                  "rounding of the casts: rne, rna, rtz, rup, rdn, rto, sr[:R] or sru[:R]")
        .value_or("overflow", "RULE", "standard", "overflow of the casts: standard or saturate")
        .value_or("nan", "RULE", "error", "a NaN where the format has none: error, zero or max")
        .value_or("scale", "RULE", "none",
                  "of both operands: none, a positive number, amax, amax-po2 or expected-max; D is "
                  "divided by both scales")
        .value("a-scale", "RULE", "of A, in place of --scale")
        .value("b-scale", "RULE", "of B, in place of --scale");
    options.group("Sum").value_or(
        "accumulator", "SPEC", "fp32",
        "a format (rounded after each addition), chunk:N:INNER:OUTER, fused:K:F:OUT, "
        "exact[:FORMAT] or " +
            machine_names());
    options.group("Output")
        .value("output", "FILE", "the .safetensors file to write, with the tensor D [M, N]")
        .letter('o')
        .flag("report", "compare D with sums in double, of the cast operands and of the inputs")
        .value("histogram", "FILE", "with --report: the errors' histogram in ulps, as CSV");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    paths_ = arguments.positional();
    if (paths_.empty()) {
      throw UserError("no trace is given; give the path of a .safetensors file");
    }
    table_output_.setup(arguments);
    for (Side* side : {&a_, &b_}) {
      side->letter = side == &a_ ? "a" : "b";
      side->tensor_name = arguments.text(side->letter);
      side->format = parse_format(arguments.text(side->letter + "-format"));
      side->transpose = arguments.flag("transpose-" + side->letter);
      side->scale_policy = parse_scale(
          arguments.optional_text(side->letter + "-scale").value_or(arguments.text("scale")));
    }
    cast_ = {.rounding = parse_rounding(arguments.text("round")),
             .overflow = parse_overflow(arguments.text("overflow")),
             .nan = parse_nan_policy(arguments.text("nan"))};
    accumulator_ = parse_accumulator(arguments.text("accumulator"));
    path_ = arguments.text("output");
    report_ = arguments.flag("report");
    histogram_path_ = arguments.optional_text("histogram");
    if (histogram_path_ && !report_) {
      throw UserError("option --histogram needs --report");
    }
    for (const char* other : {"output", "csv", "json"}) {
      const auto path = arguments.optional_text(other);
      if (histogram_path_ && path == histogram_path_) {
        throw UserError(
            fmt::format("--histogram and --{} both go to '{}'; give two files", other, *path));
      }
      table_on_stdout_ = table_on_stdout_ || path == "-";
    }
  }

  ExitCode run(Session& session) override {
    table_output_.open(paths_);
    std::optional<TableFile> histogram_file;
    if (histogram_path_) histogram_file.emplace(*histogram_path_, TableFile::Kind::csv, paths_);
    traces_.reserve(paths_.size());
    for (const std::string& path : paths_) traces_.emplace_back(path);
    load(a_, traces_.front(), session);
    load(b_, traces_.back(), session);
    if (a_.matrix.columns != b_.matrix.rows) fail_shapes();
    const std::vector<TensorDeclaration> declared = {
        {"D", DType::F32, {a_.matrix.rows, b_.matrix.columns}}};
    SafetensorsWriter writer(path_, declared, metadata(session));

    std::vector<float> d(static_cast<std::size_t>(a_.matrix.rows * b_.matrix.columns));
    multiply(d, session);
    refuse_nan(d);
    unscale(d, a_.scale, b_.scale);
    writer.append(std::span<const float>(d));

    Table histogram({"trace", "tensor", "reference", "ulp_from", "ulp_to", "count"});
    const Table table = report_ ? report(d, histogram, session) : shape_table();
    writer.commit();
    if (histogram_file) histogram_file->write(histogram, session);
    table_output_.write(table, session);
    if (report_ && !table_on_stdout_) session.out << "\n" << histogram.readable();
    return ExitCode::good;
  }

 private:
  static std::string machine_names() {
    std::string names;
    for (const NamedAccumulator& named : named_accumulators()) {
      names.append(names.empty() ? "" : ", ").append(named.name);
    }
    return names;
  }

  void load(Side& side, const Trace& trace, const Session& session) const {
    const Tensor* tensor = trace.file().find(side.tensor_name);
    if (tensor == nullptr) {
      throw UserError(fmt::format(
          "{}: no tensor {} for --{}; the file has {} tensors{}", trace.path(),
          quote(side.tensor_name), side.letter, trace.tensors().size(),
          trace.tensors().empty() ? "" : ", e.g. " + quote(trace.tensors().front().name)));
    }
    side.selected = {&trace, tensor};
    for_tensor(side.selected, [&] {
      if (!is_readable_as_float(tensor->dtype)) {
        throw UserError(
            fmt::format("dtype is {}, expected F32, BF16, F16 or F64", dtype_name(tensor->dtype)));
      }
      if (tensor->shape.size() != 2) {
        throw UserError(fmt::format("shape is {}, expected the two dimensions of a matrix for --{}",
                                    shape_text(tensor->shape), side.letter));
      }
      cast(side, session);
    });
  }

  // Elements keep the random words of their place in the file, so that a transposed operand has the
  // same values.
  void cast(Side& side, const Session& session) const {
    const Tensor& tensor = *side.selected.tensor;
    const TensorFloats floats(tensor);
    side.scale = resolve_scale(side.scale_policy, side.format,
                               statistics(side.scale_policy, floats.values()));
    const Quantizer quantizer(side.format, cast_);
    std::vector<std::uint32_t> codes(floats.values().size());
    const CounterRandom random(
        tensor_seed(session.seed, RandomUnit::quantizer, side.selected.tensor->name));
    quantizer.to_codes<std::uint32_t>(floats.values(), codes, side.scale, random);
    side.matrix = {side.format, tensor.shape[0], tensor.shape[1], {}};
    for (const std::uint32_t code : codes) side.matrix.values.push_back(decode(side.format, code));
    if (report_) side.inputs.assign(floats.values().begin(), floats.values().end());
    if (!side.transpose) return;
    side.matrix.values = transposed(side.matrix.values, tensor.shape[0], tensor.shape[1]);
    if (report_) side.inputs = transposed(side.inputs, tensor.shape[0], tensor.shape[1]);
    std::swap(side.matrix.rows, side.matrix.columns);
  }

  static ScaleStatistics statistics(const ScalePolicy& policy, std::span<const float> values) {
    if (policy.kind == ScalePolicy::Kind::none || policy.kind == ScalePolicy::Kind::fixed) {
      return {};
    }
    if (policy.kind == ScalePolicy::Kind::expected_max) {
      const TensorFit fit = fit_tensor(values);
      return {.amax = fit.counts.amax(), .expected_max = fit.expected_max};
    }
    return {.amax = count_tensor(values).amax()};
  }

  [[noreturn]] void fail_shapes() const {
    throw UserError(fmt::format(
        "{}: --a {} is [{}, {}] and --b {} is [{}, {}]{}; the columns of A must be the rows of B",
        paths_.front(), quote(a_.tensor_name), a_.matrix.rows, a_.matrix.columns,
        quote(b_.tensor_name), b_.matrix.rows, b_.matrix.columns,
        a_.transpose || b_.transpose ? " (after transposition)"
                                     : "; --transpose-a and --transpose-b swap dimensions"));
  }

  void multiply(std::span<float> d, const Session& session) const {
    const LowPrecisionGemm gemm(accumulator_, a_.matrix, b_.matrix);
    std::uint64_t products = 0;
    for (std::size_t tile = 0; tile < gemm.tiles(); ++tile) products += gemm.products_of(tile);
    Progress progress(session, "gemm", products);
    parallel_for(gemm.tiles(), session.threads, [&](std::size_t tile) {
      gemm.run_tile(tile, d);
      progress.add(gemm.products_of(tile));
    });
  }

  void refuse_nan(std::span<const float> d) const {
    const bool fused = accumulator_.kind == Accumulator::Kind::fused;
    if (fused || accumulator_.format.has_nan()) return;
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (!std::isnan(d[i])) continue;
      const auto n = static_cast<std::size_t>(b_.matrix.columns);
      throw UserError(fmt::format(
          "{}: D[{}, {}] is NaN, which the accumulator's format {} has no code for; choose one "
          "with NaN",
          paths_.front(), i / n, i % n, format_name(accumulator_.format)));
    }
  }

  [[nodiscard]] std::vector<Cell> first_cells() const {
    return {paths_.front(),         std::string("D"),
            a_.matrix.rows,         b_.matrix.columns,
            a_.matrix.columns,      format_name(a_.format),
            format_name(b_.format), accumulator_name(accumulator_),
            double{a_.scale},       double{b_.scale}};
  }

  static std::vector<std::string> first_columns() {
    return {"trace",    "tensor",   "m",           "n",       "k",
            "a_format", "b_format", "accumulator", "a_scale", "b_scale"};
  }

  [[nodiscard]] Table shape_table() const {
    Table table(first_columns());
    table.add_row(first_cells());
    return table;
  }

  // Sums in double, row by row.
  [[nodiscard]] std::vector<double> reference(std::span<const double> a, std::span<const double> b,
                                              double scale, const Session& session) const {
    const auto m = static_cast<std::size_t>(a_.matrix.rows);
    const auto n = static_cast<std::size_t>(b_.matrix.columns);
    const auto k = static_cast<std::size_t>(a_.matrix.columns);
    std::vector<double> result(m * n);
    parallel_for(m, session.threads, [&](std::size_t row) {
      const auto d = std::span(result).subspan(row * n, n);
      reference_row(a.subspan(row * k, k), b, d);
      for (double& value : d) value /= scale;
    });
    return result;
  }

  [[nodiscard]] Table report(std::span<const float> d, Table& histogram,
                             const Session& session) const {
    auto columns = first_columns();
    for (const char* name :
         {"reference", "elements", "not_finite", "max_absolute_error", "mean_absolute_error",
          "max_relative_error", "mean_relative_error", "max_ulp_error", "mean_ulp_error"}) {
      columns.emplace_back(name);
    }
    Table table(columns);
    const double scales = double{a_.scale} * double{b_.scale};
    const auto add = [&](const std::string& name, const std::vector<double>& expected) {
      const GemmError error = gemm_error(d, expected, accumulator_.format, scales);
      auto cells = first_cells();
      for (const Cell& cell :
           {Cell(name), Cell(error.elements), Cell(error.not_finite), Cell(error.max_absolute),
            Cell(error.mean_absolute), Cell(error.max_relative), Cell(error.mean_relative),
            Cell(error.max_ulp), Cell(error.mean_ulp)}) {
        cells.push_back(cell);
      }
      table.add_row(std::move(cells));
      for (const UlpBin& bin : error.histogram) {
        if (bin.count == 0 && !histogram_path_) continue;
        histogram.add_row(
            {paths_.front(), std::string("D"), name, bin.ulp_from, bin.ulp_to, bin.count});
      }
    };
    add("cast", reference(a_.matrix.values, b_.matrix.values, scales, session));
    add("inputs", reference(a_.inputs, b_.inputs, 1.0, session));
    return table;
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    return {{"gemm_by", "gradpath " + version()},
            {"gemm_a", a_.tensor_name},
            {"gemm_b", b_.tensor_name},
            {"gemm_transpose_a", a_.transpose ? "true" : "false"},
            {"gemm_transpose_b", b_.transpose ? "true" : "false"},
            {"gemm_a_format", format_name(a_.format)},
            {"gemm_b_format", format_name(b_.format)},
            {"gemm_a_scale", fmt::format("{}", a_.scale)},
            {"gemm_b_scale", fmt::format("{}", b_.scale)},
            {"gemm_accumulator", accumulator_name(accumulator_)},
            {"gemm_round", rounding_name(cast_.rounding)},
            {"gemm_overflow", std::string(overflow_name(cast_.overflow))},
            {"gemm_seed", std::to_string(session.seed.value)}};
  }

  std::vector<std::string> paths_;
  std::vector<Trace> traces_;
  Side a_;
  Side b_;
  CastOptions cast_;
  Accumulator accumulator_;
  std::string path_;
  bool report_ = false;
  std::optional<std::string> histogram_path_;
  bool table_on_stdout_ = false;  ///< --csv - or --json -: nothing else may go there
  TableOutput table_output_;
};

}  // namespace

CommandPtr make_gemm_command() { return std::make_unique<GemmCommand>(); }

}  // namespace gradpath::cli
