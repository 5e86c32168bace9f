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
#include "models/format/formats.hpp"
#include "models/mac/low_precision_gemm.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/matrix_product.hpp"
#include "sim/explore/parallel.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath::cli {
namespace {

// One side of the product: its options, then what the trace has.
struct Side {
  std::string letter;  ///< "a" or "b"
  std::string tensor_name;
  OperandCast cast;
  Operand operand;
};

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
    options.positional("trace", 2, FileUse::source);
    options.group("Operands")
        .value("a", "NAME", "tensor A [M, K], from the first trace")
        .value("b", "NAME", "tensor B [K, N], from the last trace")
        .flag("transpose-a", "A is stored as [K, M]")
        .flag("transpose-b", "B is stored as [N, K]");
    options.group("Number formats")
        .value_or("a-format", "NAME", "fp32", "format that A is cast to; fp32 leaves it as it is")
        .value_or("b-format", "NAME", "fp32", "the same of B")
        .value_or("round", "MODE", "rne", "rounding of the casts")
        .of(rounding_grammar())
        .value_or("overflow", "RULE", "standard", "overflow of the casts")
        .of(overflow_grammar())
        .value_or("nan", "RULE", "error", "a NaN where the format has none")
        .of(nan_policy_grammar())
        .value_or("scale", "RULE", "none", "of both operands (D is divided by both scales)")
        .of(scale_grammar())
        .value("a-scale", "RULE", "of A, in place of --scale")
        .of(scale_grammar())
        .value("b-scale", "RULE", "of B, in place of --scale")
        .of(scale_grammar());
    options.group("Sum")
        .value_or("accumulator", "SPEC", "fp32", "how the products are added up")
        .of(accumulator_grammar());
    options.group("Output")
        .value("output", "FILE", "the .safetensors file to write, with the tensor D [M, N]")
        .letter('o')
        .file(FileUse::replace)
        .flag("report", "compare D with sums in double, of the cast operands and of the inputs")
        .value("histogram", "FILE", "with --report: the errors' histogram in ulps, as CSV")
        .file(FileUse::table);
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
      side->cast = {
          .format = parse_format(arguments.text(side->letter + "-format")),
          .scale = parse_scale(
              arguments.optional_text(side->letter + "-scale").value_or(arguments.text("scale"))),
          .options = {.rounding = parse_rounding(arguments.text("round")),
                      .overflow = parse_overflow(arguments.text("overflow")),
                      .nan = parse_nan_policy(arguments.text("nan"))},
          .transpose = arguments.flag("transpose-" + side->letter),
          .keeps_inputs = arguments.flag("report")};
    }
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
    table_output_.open();
    std::optional<TableFile> histogram_file;
    if (histogram_path_) histogram_file.emplace(*histogram_path_, TableFile::Kind::csv);
    traces_.reserve(paths_.size());
    for (const std::string& path : paths_) traces_.emplace_back(path);
    load(a_, traces_.front(), session);
    load(b_, traces_.back(), session);
    const FormatMatrix& a = a_.operand.matrix;
    const FormatMatrix& b = b_.operand.matrix;
    if (a.columns != b.rows) fail_shapes();
    const std::vector<TensorDeclaration> declared = {{"D", DType::F32, {a.rows, b.columns}}};
    SafetensorsWriter writer(path_, declared, metadata(session));

    std::vector<float> d(static_cast<std::size_t>(a.rows * b.columns));
    multiply(d, session);
    refuse_nan(d);
    unscale(d, a_.operand.scale, b_.operand.scale);
    writer.append(std::span<const float>(d));

    const auto columns = shown_columns<ProductRow>(
        {product_columns(), report_ ? product_error_columns() : product_columns().first(0)});
    Table table = Table::of(std::span<const Column<ProductRow>>(columns));
    Table histogram = Table::of(ulp_histogram_columns());
    for (ProductRow& row : product_rows(d, session)) {
      table.add_row(cells<ProductRow>(columns, row));
      for (const UlpBin& bin : row.error.histogram) {
        if (bin.count == 0 && !histogram_path_) continue;
        row.bin = bin;
        histogram.add_row(cells(ulp_histogram_columns(), row));
      }
    }
    writer.commit();
    if (histogram_file) histogram_file->write(histogram, session);
    table_output_.write(table, session);
    if (report_ && !table_on_stdout_) session.out << "\n" << histogram.readable();
    return ExitCode::good;
  }

 private:
  static void load(Side& side, const Trace& trace, const Session& session) {
    const Tensor* tensor = trace.file().find(side.tensor_name);
    if (tensor == nullptr) {
      throw UserError(fmt::format(
          "{}: no tensor {} for --{}; the file has {} tensors{}", trace.path(),
          quote(side.tensor_name), side.letter, trace.tensors().size(),
          trace.tensors().empty() ? "" : ", e.g. " + quote(trace.tensors().front().name)));
    }
    side.cast.seed = session.seed;
    const SelectedTensor selected{&trace, tensor};
    side.operand = for_tensor(selected, [&] { return cast_operand(selected, side.cast); });
  }

  [[noreturn]] void fail_shapes() const {
    const FormatMatrix& a = a_.operand.matrix;
    const FormatMatrix& b = b_.operand.matrix;
    throw UserError(fmt::format(
        "{}: --a {} is [{}, {}] and --b {} is [{}, {}]{}; the columns of A must be the rows of B",
        paths_.front(), quote(a_.tensor_name), a.rows, a.columns, quote(b_.tensor_name), b.rows,
        b.columns,
        a_.cast.transpose || b_.cast.transpose
            ? " (after transposition)"
            : "; --transpose-a and --transpose-b swap dimensions"));
  }

  void multiply(std::span<float> d, const Session& session) const {
    const LowPrecisionGemm gemm(accumulator_, a_.operand.matrix, b_.operand.matrix);
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
      const auto n = static_cast<std::size_t>(b_.operand.matrix.columns);
      throw UserError(fmt::format(
          "{}: D[{}, {}] is NaN, which the accumulator's format {} has no code for; choose one "
          "with NaN",
          paths_.front(), i / n, i % n, format_name(accumulator_.format)));
    }
  }

  // One, or with --report one a reference.
  [[nodiscard]] std::vector<ProductRow> product_rows(std::span<const float> d,
                                                     const Session& session) const {
    const FormatMatrix& a = a_.operand.matrix;
    const FormatMatrix& b = b_.operand.matrix;
    ProductRow row{.trace = paths_.front(),
                   .m = a.rows,
                   .n = b.columns,
                   .k = a.columns,
                   .a_format = format_name(a.format),
                   .b_format = format_name(b.format),
                   .accumulator = accumulator_name(accumulator_),
                   .a_scale = a_.operand.scale,
                   .b_scale = b_.operand.scale};
    if (!report_) return {row};
    const double scales = double{row.a_scale} * double{row.b_scale};
    const auto compared = [&](const char* name, std::span<const double> of_a,
                              std::span<const double> of_b, double scale) {
      const auto expected =
          reference_product(of_a, of_b, row.m, row.n, row.k, scale, session.threads);
      row.reference = name;
      row.error = gemm_error(d, expected, accumulator_.format, scales);
      return row;
    };
    return {compared("cast", a.values, b.values, scales),
            compared("inputs", a_.operand.inputs, b_.operand.inputs, 1.0)};
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    return {{"gemm_by", "gradpath " + version()},
            {"gemm_a", a_.tensor_name},
            {"gemm_b", b_.tensor_name},
            {"gemm_transpose_a", a_.cast.transpose ? "true" : "false"},
            {"gemm_transpose_b", b_.cast.transpose ? "true" : "false"},
            {"gemm_a_format", format_name(a_.cast.format)},
            {"gemm_b_format", format_name(b_.cast.format)},
            {"gemm_a_scale", fmt::format("{}", a_.operand.scale)},
            {"gemm_b_scale", fmt::format("{}", b_.operand.scale)},
            {"gemm_accumulator", accumulator_name(accumulator_)},
            {"gemm_round", rounding_name(a_.cast.options.rounding)},
            {"gemm_overflow", std::string(overflow_name(a_.cast.options.overflow))},
            {"gemm_seed", std::to_string(session.seed.value)}};
  }

  std::vector<std::string> paths_;
  std::vector<Trace> traces_;
  Side a_;
  Side b_;
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
