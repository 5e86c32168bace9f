#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/prune/policy.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/framework/wave_file.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/cli/verbs/machine_options.hpp"
#include "sim/cosim/rtl_blocks.hpp"
#include "sim/datapath/dataflow/layer_shape.hpp"
#include "sim/datapath/replay/layer_replay.hpp"
#include "sim/datapath/replay/product_error.hpp"
#include "sim/datapath/replay/reference.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// The policy that the datapath's pruner is hardware for.
constexpr std::string_view kPolicy = "stochastic";

constexpr std::array kGemmKinds = {GemmKind::input_gradient, GemmKind::weight_gradient};

/// A (step, layer) to replay, with its file.
struct SelectedLayer {
  const Trace* trace = nullptr;
  LayerStep layer;
};

/// What the summary adds up.
struct Totals {
  std::uint64_t products = 0;
  Cycles cycles = 0;
  Cycles dense_cycles = 0;
  std::uint64_t macs = 0;
  double energy_pj = 0;
  ProductError error = {};
  std::uint64_t overflowed = 0;  ///< products with an infinity or a NaN, which have no error
  std::uint64_t checked_values = 0;
  std::uint64_t mismatches = 0;
};

Table product_table() {
  return Table({"trace",
                "tensor",
                "layer",
                "gemm",
                "m",
                "n",
                "k",
                "density",
                "cycles",
                "dense_cycles",
                "compute_bound",
                "memory_bound",
                "utilization",
                "macs",
                "bytes_read",
                "bytes_written",
                "energy_pj",
                "groups",
                "drain_bound",
                "product_error",
                "product_cosine"});
}

Table module_table() {
  return Table({"trace", "tensor", "layer", "gemm", "module", "busy_cycles", "stalled_in_cycles",
                "stalled_out_cycles", "idle_cycles", "total_cycles", "elements_in", "elements_out",
                "bytes_in", "bytes_out", "sram_bytes"});
}

class ReplayCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "replay",
        .synopsis = "TRACE... [options]",
        .summary = "runs a trace's backward products through the SystemC datapath",
        .examples = {{{"gradpath replay trace.safetensors --sparsity 0.9 --check",
                       "cycles of dX and dW of every layer, their values compared with a plain "
                       "loop"},
                      {"gradpath replay trace.safetensors --layers 'layer1*' --array 32x32 "
                       "--dram-bytes-per-cycle 16 --modules modules.csv --timeline timeline.json",
                       "a larger array on slow memory; who waits for whom"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    TraceSelection::add_options(options);
    options.value_or("layers", "GLOB", "*", "layers to replay, by name")
        .value("inputs-from", "TRACE",
               "takes inputs, weights and geometry that a trace lacks from this one: for gradients "
               "that `prune` or `cast --as values` wrote")
        .file(FileUse::read);
    options.group("Gradient")
        .value_or("sparsity", "S", "0", "target fraction of zeros, 0 to below 1; 0: no pruning")
        .value_or("policy", "NAME", kPolicy, "the pruner's policy: stochastic")
        .value_or("alpha", "MODE", "exact", "where the threshold comes from")
        .of(alpha_grammar())
        .value_or("format", "NAME", "e5m2", "number format of the gradient")
        .words(format_names())
        .value_or("round", "MODE", "rne", "values between two codes")
        .of(rounding_grammar())
        .value_or("scale", "RULE", "amax-po2", "what the gradient is multiplied by")
        .of(scale_grammar())
        .value_or("random", "SOURCE", "counter",
                  "random words by element (counter) or from the lanes' LFSRs in the order of "
                  "the stream (lanes)");
    options.group("Weights and inputs")
        .value_or("operand-format", "NAME", "e4m3fn", "their number format")
        .value_or("operand-round", "MODE", "rne", "not stochastic")
        .of(rounding_grammar())
        .value_or("operand-scale", "RULE", "amax-po2", "what they are multiplied by")
        .of(scale_grammar());
    options.group("Casts")
        .value_or("overflow", "RULE", "standard", "values past the largest finite")
        .of(overflow_grammar())
        .value_or("nan", "RULE", "error", "a NaN where the format has none")
        .of(nan_policy_grammar());
    add_machine_options(options);
    options.group("RTL")
        .value("rtl", "LIST",
               "Verilated modules in the place of the front end's models: pruner, quantizer, "
               "compactor; same values, same cycles; random words need --random lanes")
        .value("trace-fst", "FILE",
               "FST waveform of the modules of --rtl, 1 ns a cycle; select with --layers and "
               "--steps, it grows with every beat")
        .file(FileUse::write);
    options.group("Checks and further output")
        .flag("check", "compare all values with a plain loop; exit code 1 if one differs")
        .flag("timing-only", "do not compute the products' values")
        .value("modules", "FILE",
               "CSV: a row a module and product with its busy, stalled and idle "
               "cycles")
        .file(FileUse::table)
        .value("timeline", "FILE",
               "Chrome trace events of the modules' busy intervals, for "
               "Perfetto; 1 us stands for 1 cycle")
        .file(FileUse::write);
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    selection_.setup(arguments);
    output_.setup(arguments);
    table_on_stdout_only_ =
        arguments.optional_text("csv") == "-" || arguments.optional_text("json") == "-";
    layers_ = arguments.text("layers");
    inputs_path_ = arguments.optional_text("inputs-from");
    read_numerics(arguments);
    machine_ = read_machine(arguments);
    check_ = arguments.flag("check");
    values_ = !arguments.flag("timing-only");
    if (check_ && !values_) {
      throw UserError(
          "--check and --timing-only exclude each other: without values there is "
          "nothing to compare; leave one out");
    }
    if (arguments.has("rtl")) {
      rtl_ = std::make_unique<RtlBlocks>(arguments.list("rtl"), numerics_, machine_,
                                         prune_.target_sparsity > 0);
    }
    wave_path_ = arguments.optional_text("trace-fst");
    if (wave_path_ && rtl_ == nullptr) {
      throw UserError(
          "--trace-fst shows the Verilated modules of --rtl, and there are none; add --rtl "
          "pruner,quantizer,compactor");
    }
    modules_path_ = arguments.optional_text("modules");
    timeline_path_ = arguments.optional_text("timeline");
    if (modules_path_ == "-" || timeline_path_ == "-") {
      throw UserError("--modules and --timeline write files; '-' is for --csv or --json");
    }
  }

  ExitCode run(Session& session) override {
    output_.open();
    std::optional<TableFile> modules_file;
    std::optional<AtomicFile> timeline_file;
    if (modules_path_) modules_file.emplace(*modules_path_, TableFile::Kind::csv);
    if (timeline_path_) timeline_file.emplace(*timeline_path_);
    selection_.open();
    if (inputs_path_) inputs_.emplace(*inputs_path_);

    const std::vector<SelectedLayer> layers = select_layers();
    note_what_is_skipped(layers, session);
    std::optional<WaveFile> wave;
    if (wave_path_) {
      wave.emplace(*wave_path_);
      rtl_->trace(wave->partial());
    }
    Datapath datapath(machine_, rtl_ != nullptr ? rtl_->take() : FrontEndBlocks{});
    Timeline timeline;
    if (timeline_path_) datapath.set_timeline(&timeline);
    Table products = product_table();
    Table modules = module_table();
    Totals totals;
    try {
      Progress progress(session, "replay", layers.size());
      for (const SelectedLayer& selected : layers) {
        replay_layer(datapath, selected, session, products, modules, totals);
        progress.add(1);
      }
    } catch (const SimulationFault& fault) {
      if (wave) {  // it ends with the cycle that failed
        rtl_->end_trace();
        wave->commit();
      }
      session.err << "gradpath: a check of the simulation failed: " << one_line(fault.what())
                  << '\n';
      return ExitCode::check_failed;
    }
    if (wave) {
      rtl_->end_trace();
      wave->commit();
    }
    output_.write(products, session);
    if (modules_file) modules_file->write(modules, session);
    if (timeline_file) {
      std::ostringstream text;
      timeline.write(text);
      timeline_file->write(text.str());
      timeline_file->commit();
    }
    return summarize(totals, session);
  }

 private:
  void read_numerics(const Arguments& arguments) {
    const CastOptions cast{.rounding = {},
                           .overflow = parse_overflow(arguments.text("overflow")),
                           .nan = parse_nan_policy(arguments.text("nan"))};
    numerics_.gradient_format = parse_format(arguments.text("format"));
    numerics_.gradient_cast = cast;
    numerics_.gradient_cast.rounding = parse_rounding(arguments.text("round"));
    numerics_.gradient_scale = parse_scale(arguments.text("scale"));
    numerics_.operand_format = parse_format(arguments.text("operand-format"));
    numerics_.operand_cast = cast;
    numerics_.operand_cast.rounding = parse_rounding(arguments.text("operand-round"));
    numerics_.operand_scale = parse_scale(arguments.text("operand-scale"));
    if (numerics_.operand_scale.kind == ScalePolicy::Kind::expected_max) {
      throw UserError(
          "--operand-scale expected-max is for gradients; expected none, a positive "
          "number, amax or amax-po2");
    }
    numerics_.random = parse_random_source(arguments.text("random"));
    validate(numerics_);
    prune_.target_sparsity = arguments.real("sparsity", 0.0, std::nextafter(1.0, 0.0));
    prune_.alpha = parse_alpha_rule(arguments.text("alpha"));
    if (prune_.alpha == AlphaRule::last_step) {
      throw UserError(
          "--alpha last-step: a replayed layer knows no earlier step; `gradpath prune` does");
    }
    prune_.random_bits = numerics_.prune_random_bits;
    policy_ = parse_prune_policy(arguments.text("policy"));
    if (policy_->name() != kPolicy) {
      throw UserError(
          fmt::format("--policy {}: the datapath's pruner is hardware for '{}' alone; "
                      "`gradpath prune` knows the others",
                      policy_->name(), kPolicy));
    }
  }

  [[nodiscard]] std::vector<SelectedLayer> select_layers() const {
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    const auto is_selected = [&](const Tensor* tensor) {
      return std::any_of(tensors.begin(), tensors.end(),
                         [&](const SelectedTensor& s) { return s.tensor == tensor; });
    };
    std::vector<SelectedLayer> layers;
    for (const Trace& trace : selection_.traces()) {
      for (LayerStep& layer : trace.layer_steps(inputs_ ? &*inputs_ : nullptr)) {
        if (matches_glob(layers_, layer.layer) && is_selected(layer.grad_output)) {
          layers.push_back({&trace, std::move(layer)});
        }
      }
    }
    if (layers.empty()) {
      throw UserError(
          fmt::format("{}: no layer is left by --layers '{}', --steps and --tensors; "
                      "`gradpath fit` lists the tensors there are",
                      selection_.paths().front(), layers_));
    }
    return layers;
  }

  /// Why a product cannot be replayed; empty if it can.
  [[nodiscard]] static std::string_view obstacle(const LayerStep& layer, GemmKind kind) {
    if (layer.grad_output->numel() == 0) return "its grad_output is empty";
    if (layer.geometry.op == LayerGeometry::Op::conv_transpose2d) {
      return "the products of a transposed convolution, which multiply the gradient where a "
             "convolution multiplies its input, are not modelled";
    }
    const bool is_dx = kind == GemmKind::input_gradient;
    const bool is_linear = layer.geometry.op == LayerGeometry::Op::linear;
    if (is_dx && layer.weight == nullptr) return "the trace has no weight";
    if (!is_dx && layer.input == nullptr) return "the trace has no input";
    if (!is_dx && !is_linear && layer.weight == nullptr) {
      return "the trace has no weight to tell the kernel's size";
    }
    return {};
  }

  /// Notes the products that cannot be replayed, the first few by name; UserError if none can.
  static void note_what_is_skipped(const std::vector<SelectedLayer>& layers,
                                   const Session& session) {
    constexpr std::size_t kMostNotes = 4;
    std::vector<std::string> notes;
    for (const auto& [trace, layer] : layers) {
      for (const GemmKind kind : kGemmKinds) {
        const std::string_view reason = obstacle(layer, kind);
        if (reason.empty()) continue;
        notes.push_back(fmt::format("{}: step {}, layer {}: {} is skipped: {}", trace->path(),
                                    layer.step, layer.layer, gemm_name(kind), reason));
      }
    }
    if (notes.size() == layers.size() * kGemmKinds.size()) {
      throw UserError(fmt::format(
          "{}; nothing to replay is left: capture the tensors grad_output, input and weight of "
          "Linear, Conv1d or Conv2d layers, or name the trace that has them with --inputs-from",
          notes.front()));
    }
    for (std::size_t i = 0; i < std::min(kMostNotes, notes.size()); ++i) session.note(notes[i]);
    if (notes.size() > kMostNotes) {
      session.note(fmt::format("and {} products more are skipped", notes.size() - kMostNotes));
    }
  }

  void replay_layer(Datapath& datapath, const SelectedLayer& selected, const Session& session,
                    Table& products, Table& modules, Totals& totals) const {
    const LayerStep& layer = selected.layer;
    const Tensor& gradient = *layer.grad_output;
    std::vector<GemmKind> kinds;
    for (const GemmKind kind : kGemmKinds) {
      if (obstacle(layer, kind).empty()) kinds.push_back(kind);
    }
    if (kinds.empty()) return;
    for_tensor(SelectedTensor{selected.trace, &gradient}, [&] {
      const TensorFloats gradient_values(gradient);
      std::optional<TensorFloats> input;
      std::optional<TensorFloats> weight;
      if (layer.input != nullptr) input.emplace(*layer.input);
      if (layer.weight != nullptr) weight.emplace(*layer.weight);
      PruneInput statistics(gradient_values.values());
      LayerTensors tensors{
          .shape = layer_shape(layer),
          .gradient = gradient_values.values(),
          .input = input ? input->values() : std::span<const float>{},
          .weight = weight ? weight->values() : std::span<const float>{},
          .gradient_element_bytes = static_cast<std::uint32_t>(dtype_size(gradient.dtype)),
          .prune_seed = tensor_seed(session.seed, RandomUnit::pruner, gradient.name),
          .quantize_seed = tensor_seed(session.seed, RandomUnit::quantizer, gradient.name)};
      if (prune_.target_sparsity > 0) {
        PruneOptions options = prune_;
        options.seed = tensors.prune_seed;
        tensors.alpha = policy_->plan(statistics, options).alpha;
      }
      if (numerics_.gradient_scale.kind == ScalePolicy::Kind::expected_max) {
        tensors.gradient_expected_max = statistics.fit().expected_max;
      }
      for (const GemmKind kind : kinds) {
        replay_product(datapath, selected, tensors, kind, products, modules, totals);
      }
    });
  }

  void replay_product(Datapath& datapath, const SelectedLayer& selected,
                      const LayerTensors& tensors, GemmKind kind, Table& products, Table& modules,
                      Totals& totals) const {
    const LayerStep& layer = selected.layer;
    const std::string& path = selected.trace->path();
    const std::string& tensor = layer.grad_output->name;
    const std::string gemm(gemm_name(kind));
    if (datapath.timeline() != nullptr) {
      datapath.timeline()->begin(fmt::format("step {} {} {}", layer.step, layer.layer, gemm));
    }
    const GemmReport report =
        replay_gemm(datapath, numerics_, tensors, kind, {.values = values_, .dense_cycles = true});
    const ProductError error =
        values_ ? product_error(tensors, kind, report.result) : ProductError{};
    products.add_row({path,
                      tensor,
                      layer.layer,
                      gemm,
                      report.m,
                      report.n,
                      report.k,
                      report.density,
                      report.cycles,
                      report.dense_cycles,
                      report.compute_bound,
                      report.memory_bound,
                      report.utilization,
                      report.macs,
                      report.bytes_read,
                      report.bytes_written,
                      report.energy_pj,
                      report.groups,
                      report.drain_bound,
                      error.relative(),
                      error.cosine()});
    for (const ModuleStats& m : report.modules) {
      modules.add_row({path, tensor, layer.layer, gemm, m.module, m.busy, m.stalled_in,
                       m.stalled_out, m.idle, m.total, m.elements_in, m.elements_out, m.bytes_in,
                       m.bytes_out, m.sram_bytes});
    }
    ++totals.products;
    totals.cycles += report.cycles;
    totals.dense_cycles += report.dense_cycles;
    totals.macs += report.macs;
    totals.energy_pj += report.energy_pj;
    if (std::isfinite(error.error_squares)) {
      totals.error += error;
    } else {
      ++totals.overflowed;
    }
    if (check_) {
      totals.checked_values += report.result.size();
      totals.mismatches +=
          count_mismatches(report.result, reference_gemm(machine_, numerics_, tensors, kind));
    }
  }

  ExitCode summarize(const Totals& totals, Session& session) const {
    if (!table_on_stdout_only_) {
      session.out << fmt::format(
          "\n{} products on {}x{} multipliers, {}: {} cycles, {} dense, {:.3g} times as fast; {} "
          "macs, {:.4g} pJ{}\n",
          totals.products, machine_.array_rows, machine_.array_columns, machine_.dispatch->name(),
          totals.cycles, totals.dense_cycles,
          static_cast<double>(totals.dense_cycles) /
              static_cast<double>(std::max<Cycles>(totals.cycles, 1)),
          totals.macs, totals.energy_pj,
          values_ ? fmt::format("; product error {:.3g}, cosine {:.4g}", totals.error.relative(),
                                totals.error.cosine())
                  : std::string{});
    }
    if (totals.overflowed > 0) {
      session.note(
          fmt::format("{} of {} products hold infinities or NaNs and are left out of the "
                      "summary's error; --overflow saturate or another --scale avoids them",
                      totals.overflowed, totals.products));
    }
    if (!check_) return ExitCode::good;
    if (totals.mismatches > 0) {
      session.err << fmt::format("gradpath: {} of {} values differ from the plain loop\n",
                                 totals.mismatches, totals.checked_values);
      return ExitCode::check_failed;
    }
    session.note(fmt::format("checked: all {} values of {} products equal the plain loop",
                             totals.checked_values, totals.products));
    return ExitCode::good;
  }

  TraceSelection selection_;
  TableOutput output_;
  bool table_on_stdout_only_ = false;
  std::string layers_;
  std::optional<std::string> inputs_path_;
  std::optional<Trace> inputs_;  ///< what the traces lack
  ReplayNumerics numerics_ = {};
  PruneOptions prune_;
  PrunePolicyPtr policy_;
  DatapathConfig machine_;
  bool check_ = false;
  bool values_ = true;
  std::optional<std::string> modules_path_;
  std::optional<std::string> timeline_path_;
  std::unique_ptr<RtlBlocks> rtl_;
  std::optional<std::string> wave_path_;
};

}  // namespace

CommandPtr make_replay_command() { return std::make_unique<ReplayCommand>(); }

}  // namespace gradpath::cli
