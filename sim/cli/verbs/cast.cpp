#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/scaling.hpp"
#include "models/schemes/schemes.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/tensor_cast.hpp"
#include "traces/mapped_file.hpp"

namespace gradpath::cli {
namespace {

std::string read_text(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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
        .words(format_names())
        .value_or("round", "MODE", "rne", "values between two codes")
        .of(rounding_grammar())
        .value_or("overflow", "RULE", "standard", "values past the largest finite")
        .of(overflow_grammar())
        .value_or("scale", "RULE", "none", "what is done to the values ahead of the cast")
        .of(scaling_grammar())
        .value_or("axis", "N", "-1", "the axis of the blocks, from 0 or, negative, from the end")
        .value_or("flush", "WHAT", "none", "subnormals to zero")
        .of(flush_grammar())
        .value_or("nan", "RULE", "error", "a NaN where the format has none")
        .of(nan_policy_grammar());
    options.group("Other quantizers, in place of a format (docs/numerics.md, \"Schemes\")")
        .value("scheme", "SPEC", "a quantizer of the literature")
        .of(scheme_grammar());
    options.group("Output")
        .value("output", "FILE", "the .safetensors file to write; may be the input")
        .letter('o')
        .file(FileUse::replace)
        .value_or("as", "WHAT", "codes", "codes (U8, U16 or U32) or values (F32)")
        .words({"codes", "values"})
        .value_or("dtype", "WHAT", "plain",
                  "of codes: plain, or native (F8_E4M3, F8_E5M2, F16, BF16, F32) so that other "
                  "programs read them as numbers")
        .words({"plain", "native"});
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
    as_values_ = arguments.choice("as") == "values";
    path_ = arguments.text("output");
    if (arguments.choice("dtype") == "native") setup_native_dtype(arguments);
    if (arguments.has("scheme")) setup_scheme(arguments);
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    selection_.open();
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    std::optional<Quantizer> quantizer;  // a scheme has no format
    if (scheme_ == nullptr) {
      quantizer.emplace(format_, options_);
    } else {
      scheme_->load([&](const std::string& path) {
        session.files.add("--scheme's code book", path, FileUse::read);
        return read_text(path);
      });
    }
    const PreparedCasts prepared =
        scheme_ != nullptr
            ? prepare_casts(*scheme_, options_, tensors, session.seed, session.threads)
            : prepare_casts(scaling_, axis_, *quantizer, tensors, session.seed, session.threads);
    for (const std::string& note : prepared.notes) session.note(note);
    const CastFile file(tensors, prepared, as_values_, native_dtype_);
    SafetensorsWriter writer(path_, file.declarations, metadata(session));
    for (const auto& tensor : file.wide) tensor->write(writer);

    const auto columns = shown_columns<CastRow>(
        {cast_columns(), scheme_ != nullptr ? scheme_columns() : cast_columns().first(0)});
    Table table = Table::of(std::span<const Column<CastRow>>(columns));
    std::uint64_t elements = 0;
    for (const SelectedTensor& selected : tensors) elements += selected.tensor->numel();
    Progress progress(session, "cast", elements);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const TensorCast& cast = *prepared.casts[i];
      const CastCounts counts = write_cast(tensors[i], cast, as_values_, writer, session.threads,
                                           [&](std::uint64_t done) { progress.add(done); });
      table.add_row(cells<CastRow>(columns, {.trace = tensors[i].trace->path(),
                                             .tensor = tensors[i].tensor->name,
                                             .numel = tensors[i].tensor->numel(),
                                             .scale = cast.scale(),
                                             .counts = counts,
                                             .bits = cast.bits(),
                                             .levels = cast.levels()}));
    }
    for (const auto& tensor : file.narrow) tensor->write(writer);
    writer.commit();
    table_output_.write(table, session);
    return ExitCode::good;
  }

 private:
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

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    std::map<std::string, std::string> result = selection_.traces().front().file().metadata();
    result["cast_by"] = "gradpath " + version();
    result["cast_as"] = as_values_ ? "values" : "codes";
    result["cast_nan"] = nan_name_;
    if (scheme_ != nullptr) {
      result["cast_scheme"] = scheme_->name();
    } else {
      result["cast_format"] = format_name(format_);
      result["cast_scale"] = scaling_name(scaling_);
      if (std::holds_alternative<BlockScaling>(scaling_)) {
        result["cast_axis"] = std::to_string(axis_);
      }
    }
    if (scheme_ == nullptr || scheme_->has_cast_options()) {
      result["cast_round"] = rounding_name(options_.rounding);
      result["cast_overflow"] = overflow_name(options_.overflow);
      result["cast_flush"] = flush_name(options_.flush);
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
