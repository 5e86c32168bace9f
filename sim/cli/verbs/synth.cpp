#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/synth/variates.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "traces/networks/network.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath::cli {
namespace {

using synth::Distribution;

// A slice is one thread's piece of work; a few of each thread are written together, in order.
constexpr std::size_t kSliceElements = std::size_t{1} << 16;
constexpr std::size_t kSlicesPerThread = 4;
constexpr std::int64_t kMostBatch = std::int64_t{1} << 20;
constexpr std::int64_t kMostStep = std::int64_t{1} << 53;

enum class Part : std::uint8_t { grad_output, input, weight };
constexpr std::array<std::string_view, 3> kPartNames = {"grad_output", "input", "weight"};

/// What --distribution names, with the mu and sigma that it has unless they are given.
struct GradientChoice {
  std::string_view name;
  double mu;
  double sigma;
};
constexpr std::array<GradientChoice, 4> kGradients = {{{"lognormal", -9.0, 2.0},
                                                       {"laplace", 0.0, 1e-3},
                                                       {"normal", 0.0, 1e-3},
                                                       {"mixed", -9.0, 2.0}}};

/// The element types that can be written.
struct Storage {
  std::string_view name;
  DType dtype;
  std::string_view format;  ///< codes are written in it; empty: fp32 as it is
};
constexpr std::array<Storage, 3> kStorages = {
    {{"f32", DType::F32, ""}, {"bf16", DType::BF16, "bf16"}, {"f16", DType::F16, "fp16"}}};

/// One tensor to be written.
struct Plan {
  TensorDeclaration declaration;
  Distribution distribution;
  std::uint64_t numel = 0;
};

/// The gradient of the layer with this number. `mixed` takes the three laws in turn; all have the
/// lognormal's median magnitude, exp(mu).
Distribution gradient(std::string_view choice, double mu, double sigma, double zeros,
                      std::size_t layer) {
  using Kind = Distribution::Kind;
  constexpr double kMedianOfNormal = 0.67448975019608171;   // |x|, in standard deviations
  constexpr double kMedianOfLaplace = 0.49012907173427356;  // ln 2 / sqrt 2
  Distribution d{.kind = Kind::lognormal, .mu = mu, .sigma = sigma, .zeros = zeros};
  if (choice == "laplace") d.kind = Kind::laplace;
  if (choice == "normal") d.kind = Kind::normal;
  if (choice == "mixed" && layer % 3 > 0) {
    d.kind = layer % 3 == 1 ? Kind::laplace : Kind::normal;
    d.mu = 0.0;
    d.sigma = std::exp(mu) / (layer % 3 == 1 ? kMedianOfLaplace : kMedianOfNormal);
  }
  return d;
}

/// Activations: behind a ReLU half are zero; the image and a transformer's (behind a layer norm)
/// are normal.
Distribution activation(const NetworkLayer& layer, bool is_first) {
  using Kind = Distribution::Kind;
  const bool is_rectified = !is_first && layer.input.size() != 3;
  return {.kind = is_rectified ? Kind::rectified : Kind::normal,
          .mu = 0.0,
          .sigma = 1.0,
          .zeros = is_rectified ? 0.5 : 0.0};
}

/// He et al. 2015: variance 2 / fan-in.
Distribution weight(const NetworkLayer& layer) {
  double fan_in = 1.0;
  for (std::size_t i = 1; i < layer.weight.size(); ++i) {
    fan_in *= static_cast<double>(layer.weight[i]);
  }
  return {.kind = Distribution::Kind::normal,
          .mu = 0.0,
          .sigma = std::sqrt(2.0 / fan_in),
          .zeros = 0.0};
}

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
        .value("mu", "X", "mean of ln|x| (lognormal, mixed; default -9) or of x (default 0)")
        .value("sigma", "X",
               "standard deviation of ln|x| (lognormal, mixed; default 2) or of x (default 0.001)")
        .value_or("zeros", "F", "0", "probability of an exact zero, 0 to 1");
    options.group("Output")
        .value("output", "FILE", "the trace to write; without it only the table is printed")
        .letter('o')
        .value_or("dtype", "TYPE", "f32",
                  "f32, bf16 or f16; rounded to nearest even, beyond the range to the largest");
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
    const std::string dtype = arguments.choice("dtype", {"f32", "bf16", "f16"});
    storage_ = &*std::ranges::find(kStorages, dtype, &Storage::name);
    path_ = arguments.optional_text("output");
    plan();
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    std::optional<SafetensorsWriter> writer;
    if (path_) {
      std::vector<TensorDeclaration> declarations;
      for (const Plan& plan : plans_) declarations.push_back(plan.declaration);
      writer.emplace(*path_, declarations, metadata(session));
      std::uint64_t total = 0;
      for (const Plan& plan : plans_) total += plan.numel;
      Progress progress(session, "synth", total);
      for (const Plan& plan : plans_) write(plan, *writer, session, progress);
      writer->commit();
    }
    Table table({"trace", "tensor", "dtype", "shape", "numel"});
    for (const Plan& plan : plans_) {
      table.add_row({path_.value_or(""), plan.declaration.name,
                     std::string(dtype_name(plan.declaration.dtype)),
                     fmt::format("{}", fmt::join(plan.declaration.shape, "x")), plan.numel});
    }
    table_output_.write(table, session);
    return ExitCode::good;
  }

 private:
  static Part parse_part(const std::string& text) {
    const auto found = std::ranges::find(kPartNames, text);
    if (found == kPartNames.end()) {
      throw UserError(
          fmt::format("--parts: '{}' is unknown; expected {}", text, fmt::join(kPartNames, ", ")));
    }
    return static_cast<Part>(found - kPartNames.begin());
  }

  void setup_distribution(const Arguments& arguments) {
    distribution_ = arguments.choice("distribution", {"lognormal", "laplace", "normal", "mixed"});
    const GradientChoice& choice =
        *std::ranges::find(kGradients, distribution_, &GradientChoice::name);
    const bool is_log = distribution_ == "lognormal" || distribution_ == "mixed";
    const double most = is_log ? 80.0 : 1e30;
    mu_ = arguments.has("mu") ? arguments.real("mu", -most, most) : choice.mu;
    sigma_ =
        arguments.has("sigma") ? arguments.real("sigma", 0.0, is_log ? 10.0 : 1e30) : choice.sigma;
    zeros_ = arguments.real("zeros", 0.0, 1.0);
  }

  /// Fills plans_ and geometries_: everything that can be refused is refused here.
  void plan() {
    const std::vector<NetworkLayer> layers = network_->layers(shape_);
    for (const std::int64_t step : steps_) {
      for (std::size_t i = 0; i < layers.size(); ++i) {
        if (!matches_glob(layers_glob_, layers[i].name)) continue;
        if (step == steps_.front()) geometries_.push_back({layers[i].name, layers[i].geometry});
        for (const Part part : parts_) plans_.push_back(make_plan(step, layers[i], i, part));
      }
    }
    if (plans_.empty()) {
      throw UserError(fmt::format("--layers: '{}' matches none of the {} layers of {}, such as {}",
                                  layers_glob_, layers.size(), network_->name,
                                  layers[layers.size() / 2].name));
    }
    std::vector<std::string_view> names;
    for (const Plan& plan : plans_) names.push_back(plan.declaration.name);
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
      throw UserError(fmt::format(
          "tensor '{}' is asked for twice; name each of --steps and --parts once", *twice));
    }
  }

  [[nodiscard]] Plan make_plan(std::int64_t step, const NetworkLayer& layer, std::size_t number,
                               Part part) const {
    Plan plan;
    switch (part) {
      case Part::grad_output:
        plan.declaration.shape = layer.grad_output;
        plan.distribution = gradient(distribution_, mu_, sigma_, zeros_, number);
        break;
      case Part::input:
        plan.declaration.shape = layer.input;
        plan.distribution = activation(layer, number == 0);
        break;
      case Part::weight:
        plan.declaration.shape = layer.weight;
        plan.distribution = weight(layer);
        break;
    }
    if (part != Part::weight) plan.declaration.shape[0] = batch_;
    plan.declaration.name =
        fmt::format("step{}/{}/{}", step, layer.name, kPartNames[static_cast<std::size_t>(part)]);
    plan.declaration.dtype = storage_->dtype;
    plan.numel = 1;
    for (const std::int64_t size : plan.declaration.shape) {
      plan.numel *= static_cast<std::uint64_t>(size);
    }
    synth::check(plan.distribution);
    return plan;
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    const nlohmann::ordered_json synthesis = {{"distribution", distribution_},
                                              {"mu", mu_},
                                              {"sigma", sigma_},
                                              {"zeros", zeros_},
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

  /// Streams a tensor: a few slices a thread are in memory, whatever its size.
  void write(const Plan& plan, SafetensorsWriter& writer, const Session& session,
             Progress& progress) {
    const Seed seed = synth::synthetic_seed(session.seed, plan.declaration.name);
    const std::uint64_t most = kSliceElements * kSlicesPerThread * session.threads;
    for (std::uint64_t first = 0; first < plan.numel;) {
      const auto size = static_cast<std::size_t>(std::min(most, plan.numel - first));
      values_.resize(size);
      const std::size_t slices = (size + kSliceElements - 1) / kSliceElements;
      const auto slice = [&](std::size_t s) {
        const std::size_t begin = s * kSliceElements;
        return std::pair(begin, std::min(kSliceElements, size - begin));
      };
      if (storage_->format.empty()) {
        parallel_for(slices, session.threads, [&](std::size_t s) {
          const auto [begin, length] = slice(s);
          synth::fill(plan.distribution, seed, first + begin,
                      std::span(values_).subspan(begin, length));
        });
        writer.append(std::span<const float>(values_));
      } else {
        const Quantizer quantizer(parse_format(storage_->format), {.overflow = Overflow::saturate});
        codes_.resize(size);
        parallel_for(slices, session.threads, [&](std::size_t s) {
          const auto [begin, length] = slice(s);
          const std::span<float> values = std::span(values_).subspan(begin, length);
          synth::fill(plan.distribution, seed, first + begin, values);
          quantizer.to_codes(values, std::span(codes_).subspan(begin, length));
        });
        writer.append(std::span<const std::uint16_t>(codes_));
      }
      progress.add(size);
      first += size;
    }
  }

  TableOutput table_output_;
  const Network* network_ = nullptr;
  NetworkOptions shape_;
  std::int64_t batch_ = 1;
  std::string layers_glob_;
  std::vector<std::int64_t> steps_;
  std::vector<Part> parts_;
  std::string distribution_;
  double mu_ = 0.0;
  double sigma_ = 0.0;
  double zeros_ = 0.0;
  const Storage* storage_ = nullptr;
  std::optional<std::string> path_;
  std::vector<Plan> plans_;
  std::vector<NamedGeometry> geometries_;
  std::vector<float> values_;         ///< of the chunk being written
  std::vector<std::uint16_t> codes_;  ///< of it, where they are narrower
};

}  // namespace

CommandPtr make_synth_command() { return std::make_unique<SynthCommand>(); }

}  // namespace gradpath::cli
