#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/scaling.hpp"
#include "models/schemes/schemes.hpp"
#include "sim/cli/framework/parallel.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/cast_counts.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/cli/verbs/scheme_cast.hpp"
#include "sim/cli/verbs/tensor_scaling.hpp"
#include "traces/safetensors_writer.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// A slice is one thread's piece of work; the slices of a chunk are written together, in order.
constexpr std::size_t kSliceElements = std::size_t{1} << 18;
constexpr std::size_t kSlicesPerThread = 4;

// What became of a tensor's elements.
// Casts one tensor and hands the results on, chunk by chunk.
class TensorCaster {
 public:
  TensorCaster(const Quantizer& quantizer, const SelectedTensor& selected,
               const TensorScaling& scaling, const Session& session)
      : quantizer_(quantizer),
        selected_(selected),
        scaling_(scaling),
        threads_(session.threads),
        random_(tensor_seed(session.seed, RandomUnit::quantizer, selected.tensor->name)),
        max_finite_(max_finite(quantizer.format())),
        nan_is_error_(!quantizer.format().has_nan() &&
                      quantizer.options().nan == NanPolicy::error) {}

  // Out: float for values; uint8_t, uint16_t or uint32_t for codes.
  template <class Out>
  CastCounts cast(SafetensorsWriter& writer, Progress& progress) {
    const std::uint64_t numel = selected_.tensor->numel();
    std::vector<float> in;
    std::vector<Out> out;
    CastCounts total;
    for (std::uint64_t first = 0; first < numel;) {
      const std::vector<std::uint64_t> cuts = next_cuts(first, numel);
      const auto size = static_cast<std::size_t>(cuts.back() - first);
      in.resize(size);
      out.resize(size);
      std::vector<CastCounts> counts(cuts.size() - 1);
      parallel_for(counts.size(), threads_, [&](std::size_t s) {
        const auto begin = static_cast<std::size_t>(cuts[s] - first);
        const auto length = static_cast<std::size_t>(cuts[s + 1] - cuts[s]);
        counts[s] = cast_slice<Out>(cuts[s], std::span(in).subspan(begin, length),
                                    std::span(out).subspan(begin, length));
      });
      for (const CastCounts& slice : counts) total.add(slice);
      writer.append(std::span<const Out>(out));
      selected_.trace->file().release(*selected_.tensor, first, size);
      progress.add(size);
      first = cuts.back();
    }
    return total;
  }

 private:
  // The ends of a chunk's slices, from `first` on.
  [[nodiscard]] std::vector<std::uint64_t> next_cuts(std::uint64_t first,
                                                     std::uint64_t numel) const {
    std::vector<std::uint64_t> cuts{first};
    while (cuts.size() <= kSlicesPerThread * threads_ && cuts.back() < numel) {
      cuts.push_back(std::min(scaling_.cut_at(cuts.back() + kSliceElements), numel));
    }
    return cuts;
  }

  template <class Out>
  CastCounts cast_slice(std::uint64_t first, std::span<float> in, std::span<Out> out) const {
    read_floats(*selected_.tensor, first, in);
    CastCounts counts;
    std::vector<float> scaled(in.size());
    scaling_.scaled(first, in, scaled);
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (nan_is_error_ && std::isnan(in[i])) fail_nan(first + i);
      const bool above = std::abs(double{scaled[i]}) > max_finite_;
      counts.above_max += std::isfinite(in[i]) && above ? 1u : 0u;
    }
    scaling_.cast(first, in, out, random_);
    if constexpr (std::is_same_v<Out, float>) {
      counts.add_results(out);
    } else {
      quantizer_.decode_codes(std::span<const Out>(out), in);  // `in` has done its duty
      counts.add_results(in);
    }
    return counts;
  }

  [[noreturn]] void fail_nan(std::uint64_t element) const {
    throw UserError(fmt::format(
        "{}: tensor {}: element {} is NaN, which {} has no code for; choose --nan zero or --nan "
        "max, or a format with NaN",
        selected_.trace->path(), quote(selected_.tensor->name), element,
        format_name(quantizer_.format())));
  }

  const Quantizer& quantizer_;
  const SelectedTensor& selected_;
  const TensorScaling& scaling_;
  unsigned threads_;
  CounterRandom random_;
  double max_finite_;
  bool nan_is_error_;
};

class CastCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "cast",
        .synopsis = "TRACE --format NAME | --scheme SPEC -o FILE [options]",
        .summary = "quantizes a trace's tensors to a number format or with a quantizer",
        .examples = {
            {{"gradpath cast trace.safetensors --format e5m2 --scale amax-po2 -o codes.safetensors",
              "8-bit codes of every gradient, each with its power-of-two scale; a code's value is "
              "decode(code) / scale"},
             {"gradpath cast trace.safetensors --tensors '*' --format e4m3fn --round sr:8 "
              "--as values -o cast.safetensors",
              "all tensors, rounded stochastically with 8 random bits, as fp32 values"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    TraceSelection::add_options(options, 1);
    options.group("Number format")
        .value("format", "NAME",
               "a name that `gradpath formats` lists, or e{E}m{M}[b{BIAS}][fn|f|fnuz]")
        .value_or("round", "MODE", "rne",
                  "rne, rna, rtz, rup, rdn, rto, sr[:R] or sru[:R] with R random bits")
        .value_or("overflow", "RULE", "standard",
                  "standard (infinity or NaN where there is one) or saturate")
        .value_or("scale", "RULE", "none",
                  "none, a positive number, amax, amax-po2, expected-max, mean-log, s2fp8; from "
                  "earlier steps delayed[:H[:MARGIN]], loss-scaling[:START[:INTERVAL]]; by blocks "
                  "mx[:BLOCK[:floor|round|ceil|even|fit|mse]], nvfp4[:BLOCK]")
        .value_or("axis", "N", "-1", "the axis of the blocks, from 0 or, negative, from the end")
        .value_or("flush", "WHAT", "none",
                  "subnormals to zero: none, input (fp32's, after the scale), output or both")
        .value_or("nan", "RULE", "error", "a NaN where the format has none: error, zero or max");
    options.group("Other quantizers, in place of a format (docs/numerics.md, \"Schemes\")")
        .value("scheme", "SPEC", "intB, " + scheme_specifications());
    options.group("Output")
        .value("output", "FILE", "the .safetensors file to write; may be the input")
        .letter('o')
        .value_or("as", "WHAT", "codes", "codes (U8, U16 or U32) or values (F32)")
        .value_or("dtype", "WHAT", "plain",
                  "of codes: plain, or native (F8_E4M3, F8_E5M2, F16, BF16, F32) so that other "
                  "programs read them as numbers");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    selection_.setup(arguments);
    table_output_.setup(arguments);
    if (arguments.has("format") == arguments.has("scheme")) {
      throw UserError(fmt::format("{} --format and --scheme is required",
                                  arguments.has("format") ? "only one of" : "one of"));
    }
    if (arguments.has("format")) format_ = parse_format(arguments.text("format"));
    options_ = {.rounding = parse_rounding(arguments.text("round")),
                .overflow = parse_overflow(arguments.text("overflow")),
                .nan = parse_nan_policy(arguments.text("nan")),
                .flush = parse_flush(arguments.text("flush"))};
    nan_name_ = arguments.text("nan");
    scaling_ = parse_scaling(arguments.text("scale"));
    axis_ = parse_axis(arguments.text("axis"));
    as_values_ = arguments.choice("as", {"codes", "values"}) == "values";
    path_ = arguments.text("output");
    if (arguments.choice("dtype", {"plain", "native"}) == "native") setup_native_dtype(arguments);
    if (arguments.has("scheme")) setup_scheme(arguments);
  }

  ExitCode run(Session& session) override {
    table_output_.open(selection_.paths());
    selection_.open();
    if (scheme_ != nullptr) {
      return run_scheme_cast({*scheme_, options_, nan_name_, as_values_, path_}, selection_,
                             table_output_, session);
    }
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    const Quantizer quantizer(format_, options_);
    const ResolvedScaling scaling = resolve_scaling(scaling_, axis_, quantizer, tensors, session);
    for (const std::string& note : scaling.notes) session.note(note);
    SideTensors side = side_tensors(scaling);
    SafetensorsWriter writer(path_, declare(tensors, side), metadata(session));
    for (const auto& tensor : side.wide) tensor->write(writer);

    Table table({"trace", "tensor", "numel", "scale", "zeros", "above_max", "infs", "nans"});
    std::uint64_t elements = 0;
    for (const SelectedTensor& selected : tensors) elements += selected.tensor->numel();
    Progress progress(session, "cast", elements);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const TensorScaling& tensor_scaling = *scaling.tensors[i];
      TensorCaster caster(quantizer, tensors[i], tensor_scaling, session);
      const CastCounts counts = cast_tensor(caster, writer, progress);
      table.add_row({tensors[i].trace->path(), tensors[i].tensor->name, tensors[i].tensor->numel(),
                     tensor_scaling.scale(), counts.zeros, counts.above_max, counts.infs,
                     counts.nans});
    }
    for (const auto& tensor : side.narrow) tensor->write(writer);
    writer.commit();
    table_output_.write(table, session);
    return ExitCode::good;
  }

 private:
  // What is written beside the results, by the size of its elements: four bytes, one byte.
  struct SideTensors {
    std::vector<std::unique_ptr<SideTensor>> wide;
    std::vector<std::unique_ptr<SideTensor>> narrow;
  };
  [[nodiscard]] static SideTensors side_tensors(const ResolvedScaling& scaling) {
    SideTensors side;
    for (const auto& tensor : scaling.tensors) {
      for (auto& written : tensor->side_tensors()) {
        const bool is_wide = written->declaration().dtype == DType::F32;
        (is_wide ? side.wide : side.narrow).push_back(std::move(written));
      }
    }
    return side;
  }

  // Options of a format that a scheme would ignore are refused.
  void setup_scheme(const Arguments& arguments) {
    scheme_ = parse_scheme(arguments.text("scheme"));
    const char* useless = nullptr;
    if (arguments.text("scale") != "none") useless = "scale";
    if (axis_ != -1) useless = "axis";
    if (!scheme_->has_cast_options()) {
      if (options_.overflow != Overflow::standard) useless = "overflow";
      if (options_.rounding != Rounding{}) useless = "round";
      if (options_.flush != Flush::none) useless = "flush";
    }
    if (useless == nullptr) return;
    throw UserError(
        fmt::format("--{} has no meaning with --scheme {}, which has its own; leave it out",
                    useless, scheme_->name()));
  }

  void setup_native_dtype(const Arguments& arguments) {
    constexpr std::array<std::pair<std::string_view, DType>, 5> kNative = {{
        {"e4m3fn", DType::F8_E4M3},
        {"e5m2", DType::F8_E5M2},
        {"fp16", DType::F16},
        {"bf16", DType::BF16},
        {"fp32", DType::F32},
    }};
    if (as_values_) throw UserError("--dtype native is for codes; leave out --as values");
    for (const auto& [name, dtype] : kNative) {
      if (arguments.has("format") && format_ == parse_format(name)) native_dtype_ = dtype;
    }
    if (!native_dtype_) {
      throw UserError(
          fmt::format("--dtype native: safetensors has no type for {}; expected one of e4m3fn, "
                      "e5m2, fp16, bf16, fp32, or leave --dtype out",
                      arguments.text(arguments.has("scheme") ? "scheme" : "format")));
    }
  }

  [[nodiscard]] DType result_dtype() const { return native_dtype_.value_or(plain_dtype()); }
  [[nodiscard]] DType plain_dtype() const {
    if (as_values_) return DType::F32;
    return format_.bits() <= 8 ? DType::U8 : format_.bits() <= 16 ? DType::U16 : DType::U32;
  }

  CastCounts cast_tensor(TensorCaster& caster, SafetensorsWriter& writer,
                         Progress& progress) const {
    switch (plain_dtype()) {
      case DType::U8:
        return caster.cast<std::uint8_t>(writer, progress);
      case DType::U16:
        return caster.cast<std::uint16_t>(writer, progress);
      case DType::U32:
        return caster.cast<std::uint32_t>(writer, progress);
      default:
        return caster.cast<float>(writer, progress);
    }
  }

  // Wide elements before narrow ones: that keeps every tensor aligned.
  [[nodiscard]] std::vector<TensorDeclaration> declare(const std::vector<SelectedTensor>& tensors,
                                                       const SideTensors& side) const {
    std::vector<TensorDeclaration> declarations;
    for (const auto& tensor : side.wide) declarations.push_back(tensor->declaration());
    for (const SelectedTensor& selected : tensors) {
      declarations.push_back({selected.tensor->name, result_dtype(), selected.tensor->shape});
    }
    for (const auto& tensor : side.narrow) declarations.push_back(tensor->declaration());
    std::unordered_set<std::string> names;
    for (const TensorDeclaration& declaration : declarations) {
      if (names.insert(declaration.name).second) continue;
      throw UserError(fmt::format(
          "{}: tensor {} would collide with the scale of another tensor; leave it out with "
          "--tensors",
          selection_.paths().front(), quote(declaration.name)));
    }
    return declarations;
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    std::map<std::string, std::string> result = selection_.traces().front().file().metadata();
    result["cast_by"] = "gradpath " + version();
    result["cast_as"] = as_values_ ? "values" : "codes";
    result["cast_format"] = format_name(format_);
    result["cast_round"] = rounding_name(options_.rounding);
    result["cast_overflow"] = overflow_name(options_.overflow);
    result["cast_nan"] = nan_name_;
    result["cast_flush"] = flush_name(options_.flush);
    result["cast_scale"] = scaling_name(scaling_);
    if (std::holds_alternative<BlockScaling>(scaling_)) {
      result["cast_axis"] = std::to_string(axis_);
    }
    result["cast_seed"] = std::to_string(session.seed.value);
    return result;
  }

  TraceSelection selection_;
  TableOutput table_output_;
  Format format_;
  CastOptions options_;
  std::string nan_name_;
  Scaling scaling_;
  int axis_ = -1;
  std::unique_ptr<Scheme> scheme_;  ///< null: the cast is to format_
  bool as_values_ = false;
  std::optional<DType> native_dtype_;  ///< what codes are declared as; empty: plain integers
  std::string path_;
};

}  // namespace

CommandPtr make_cast_command() { return std::make_unique<CastCommand>(); }

}  // namespace gradpath::cli
