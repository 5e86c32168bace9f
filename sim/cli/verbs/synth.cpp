#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/synthetic_trace.hpp"
#include "traces/networks/network.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath::cli {
namespace {

constexpr std::int64_t kMostBatch = std::int64_t{1} << 20;
constexpr std::int64_t kMostStep = std::int64_t{1} << 53;

/// The element types that can be written.
constexpr std::array<std::pair<std::string_view, DType>, 3> kStorages = {
    {{"f32", DType::F32}, {"bf16", DType::BF16}, {"f16", DType::F16}}};

class SynthCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "synth",
        .synopsis = "--network NAME -o FILE [options]",
        .summary = "writes a synthetic trace in a known network's shapes",
        .examples = {{{"gradpath synth --network resnet18 --batch 8 --zeros 0.5 -o r18.safetensors",
                       "lognormal gradients, half of them zero, activations and weights; `gradpath "
                       "replay r18.safetensors` runs it"},
                      {"gradpath synth --network gpt2 --sequence 256 --parts grad_output --layers "
                       "'*.mlp.*' --distribution laplace --sigma 1e-4 --dtype bf16 -o "
                       "gpt2.safetensors",
                       "Laplace gradients of the feed-forward layers alone"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    std::vector<std::string_view> names;
    for (const Network& network : all_networks()) names.push_back(network.name);
    options.group("Network")
        .value("network", "NAME", fmt::format("one of {}", fmt::join(names, ", ")))
        .value_or("batch", "N", "1", "examples")
        .value_or("image", "SIZE", "224", "height and width of the images, 32 to 4096")
        .value_or("sequence", "TOKENS", "128", "tokens an example: bert_base to 512, gpt2 to 1024")
        .value_or("layers", "GLOB", "*", "layers by module path")
        .value_or("parts", "LIST", "grad_output,input,weight", "tensors of each layer")
        .value_or("steps", "LIST", "0", "training steps, as 0,100 or 0:1000:100");
    options.group("Gradients")
        .value_or(
            "distribution", "NAME", "lognormal",
            "lognormal; laplace; normal; mixed: lognormal, laplace and normal layers in turn, "
            "of the same median magnitude exp(mu)")
        .words({SyntheticGradients::kNames.begin(), SyntheticGradients::kNames.end()})
        .value("mu", "X", "mean of ln|x| (lognormal, mixed; default -9) or of x (default 0)")
        .value("sigma", "X",
               "standard deviation of ln|x| (lognormal, mixed; default 2) or of x (default 0.001)")
        .value_or("zeros", "F", "0", "probability of an exact zero, 0 to 1");
    options.group("Output")
        .value("output", "FILE", "the trace to write; without it only the table is printed")
        .letter('o')
        .file(FileUse::write)
        .value_or("dtype", "TYPE", "f32",
                  "f32, bf16 or f16; rounded to nearest even, beyond the range to the largest")
        .words({"f32", "bf16", "f16"});
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    table_output_.setup(arguments);
    network_ = &find_network(arguments.text("network"));
    batch_ = static_cast<std::int64_t>(arguments.integer("batch", 1, kMostBatch));
    shape_.image = static_cast<std::int64_t>(arguments.integer("image", 32, 4096));
    shape_.sequence = static_cast<std::int64_t>(arguments.integer("sequence", 1, 1 << 20));
    const bool is_convolutional = network_->positions == 0;
    if (!is_convolutional && shape_.sequence > network_->positions) {
      throw UserError(fmt::format("--sequence: {} tokens, but {} has {} positions; give fewer",
                                  shape_.sequence, network_->name, network_->positions));
    }
    layers_glob_ = arguments.text("layers");
    steps_ = parse_integer_list("--steps", arguments.text("steps"), 0, kMostStep);
    for (const std::string& part : arguments.list("parts")) parts_.push_back(parse_part(part));
    setup_distribution(arguments);
    const std::string dtype = arguments.choice("dtype");
    dtype_ = std::ranges::find(kStorages, dtype, [](const auto& row) { return row.first; })->second;
    path_ = arguments.optional_text("output");
    plan();
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    std::optional<SafetensorsWriter> writer;
    if (path_) {
      std::vector<TensorDeclaration> declarations;
      for (const SyntheticTensor& plan : plans_) declarations.push_back(plan.declaration);
      writer.emplace(*path_, declarations, metadata(session));
      std::uint64_t total = 0;
      for (const SyntheticTensor& plan : plans_) total += plan.numel;
      Progress progress(session, "synth", total);
      for (const SyntheticTensor& plan : plans_) {
        write_synthetic(plan, *writer, session.seed, session.threads,
                        [&](std::uint64_t done) { progress.add(done); });
      }
      writer->commit();
    }
    Table table({"trace", "tensor", "dtype", "shape", "numel"});
    for (const SyntheticTensor& plan : plans_) {
      table.add_row({path_.value_or(""), plan.declaration.name,
                     std::string(dtype_name(plan.declaration.dtype)),
                     fmt::format("{}", fmt::join(plan.declaration.shape, "x")), plan.numel});
    }
    table_output_.write(table, session);
    return ExitCode::good;
  }

 private:
  static TracePart parse_part(const std::string& text) {
    const auto found = std::ranges::find(kTraceParts, text);
    if (found == kTraceParts.end()) {
      throw UserError(
          fmt::format("--parts: '{}' is unknown; expected {}", text, fmt::join(kTraceParts, ", ")));
    }
    return static_cast<TracePart>(found - kTraceParts.begin());
  }

  void setup_distribution(const Arguments& arguments) {
    const auto& names = SyntheticGradients::kNames;
    const std::string name = arguments.choice("distribution");
    gradients_.law =
        static_cast<SyntheticGradients::Law>(std::ranges::find(names, name) - names.begin());
    const bool is_log = gradients_.is_logarithmic();
    const double most = is_log ? 80.0 : 1e30;
    gradients_.mu = arguments.has("mu") ? arguments.real("mu", -most, most) : is_log ? -9.0 : 0.0;
    gradients_.sigma = arguments.has("sigma") ? arguments.real("sigma", 0.0, is_log ? 10.0 : 1e30)
                       : is_log               ? 2.0
                                              : 1e-3;
    gradients_.zeros = arguments.real("zeros", 0.0, 1.0);
  }

  /// Fills plans_ and geometries_: everything that can be refused is refused here.
  void plan() {
    const std::vector<NetworkLayer> layers = network_->layers(shape_);
    for (const std::int64_t step : steps_) {
      for (std::size_t i = 0; i < layers.size(); ++i) {
        if (!matches_glob(layers_glob_, layers[i].name)) continue;
        if (step == steps_.front()) geometries_.push_back({layers[i].name, layers[i].geometry});
        for (const TracePart part : parts_) {
          plans_.push_back(synthetic_tensor(step, layers[i], i, part, batch_, gradients_, dtype_));
        }
      }
    }
    if (plans_.empty()) {
      throw UserError(fmt::format("--layers: '{}' matches none of the {} layers of {}, such as {}",
                                  layers_glob_, layers.size(), network_->name,
                                  layers[layers.size() / 2].name));
    }
    std::vector<std::string_view> names;
    for (const SyntheticTensor& plan : plans_) names.push_back(plan.declaration.name);
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
      throw UserError(fmt::format(
          "tensor '{}' is asked for twice; name each of --steps and --parts once", *twice));
    }
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    const nlohmann::ordered_json synthesis = {
        {"distribution", SyntheticGradients::kNames[static_cast<std::size_t>(gradients_.law)]},
        {"mu", gradients_.mu},
        {"sigma", gradients_.sigma},
        {"zeros", gradients_.zeros},
        {"image", shape_.image},
        {"sequence", shape_.sequence},
        {"seed", session.seed.value}};
    return {{"model", std::string(network_->name)},
            {"dataset", "synthetic"},
            {"batch", std::to_string(batch_)},
            {"loss", "{}"},
            {"loss_scale", "1"},
            {"optimizer", "none"},
            {"framework", "gradpath"},
            {"device", "none"},
            {"captured_by", "gradpath synth " + version()},
            {"synthesis", synthesis.dump()},
            {"layers", layers_json(geometries_)}};
  }

  TableOutput table_output_;
  const Network* network_ = nullptr;
  NetworkOptions shape_;
  std::int64_t batch_ = 1;
  std::string layers_glob_;
  std::vector<std::int64_t> steps_;
  std::vector<TracePart> parts_;
  SyntheticGradients gradients_;
  DType dtype_ = DType::F32;
  std::optional<std::string> path_;
  std::vector<SyntheticTensor> plans_;
  std::vector<NamedGeometry> geometries_;
};

}  // namespace

CommandPtr make_synth_command() { return std::make_unique<SynthCommand>(); }

}  // namespace gradpath::cli
