#include "sim/explore/synthetic_trace.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "sim/explore/parallel.hpp"

namespace gradpath {
namespace {

using synth::Distribution;
using Kind = Distribution::Kind;

// A slice is one thread's piece of work; a few of each thread are written together, in order.
constexpr std::size_t kSliceElements = std::size_t{1} << 16;
constexpr std::size_t kSlicesPerThread = 4;

Distribution activation(const NetworkLayer& layer, bool is_first) {
  const bool is_rectified = !is_first && layer.input.size() != 3;
  return {.kind = is_rectified ? Kind::rectified : Kind::normal,
          .mu = 0.0,
          .sigma = 1.0,
          .zeros = is_rectified ? 0.5 : 0.0};
}

// Variance 2 / fan-in.
Distribution weight(const NetworkLayer& layer) {
  double fan_in = 1.0;
  for (std::size_t i = 1; i < layer.weight.size(); ++i) {
    fan_in *= static_cast<double>(layer.weight[i]);
  }
  return {.kind = Kind::normal, .mu = 0.0, .sigma = std::sqrt(2.0 / fan_in), .zeros = 0.0};
}

}  // namespace

Distribution SyntheticGradients::of_layer(std::size_t layer) const {
  constexpr double kMedianOfNormal = 0.67448975019608171;   // |x|, in standard deviations
  constexpr double kMedianOfLaplace = 0.49012907173427356;  // ln 2 / sqrt 2
  Distribution d{.kind = Kind::lognormal, .mu = mu, .sigma = sigma, .zeros = zeros};
  if (law == Law::laplace) d.kind = Kind::laplace;
  if (law == Law::normal) d.kind = Kind::normal;
  if (law == Law::mixed && layer % 3 > 0) {
    d.kind = layer % 3 == 1 ? Kind::laplace : Kind::normal;
    d.mu = 0.0;
    d.sigma = std::exp(mu) / (layer % 3 == 1 ? kMedianOfLaplace : kMedianOfNormal);
  }
  return d;
}

SyntheticTensor synthetic_tensor(std::int64_t step, const NetworkLayer& layer, std::size_t number,
                                 TracePart part, std::int64_t batch,
                                 const SyntheticGradients& gradients, DType dtype) {
  SyntheticTensor tensor;
  TensorDeclaration& declaration = tensor.declaration;
  switch (part) {
    case TracePart::grad_output:
      declaration.shape = layer.grad_output;
      tensor.distribution = gradients.of_layer(number);
      break;
    case TracePart::input:
      declaration.shape = layer.input;
      tensor.distribution = activation(layer, number == 0);
      break;
    case TracePart::weight:
      declaration.shape = layer.weight;
      tensor.distribution = weight(layer);
      break;
  }
  if (part != TracePart::weight) declaration.shape[0] = batch;
  declaration.name =
      fmt::format("step{}/{}/{}", step, layer.name, kTraceParts[static_cast<std::size_t>(part)]);
  declaration.dtype = dtype;
  tensor.numel = 1;
  for (const std::int64_t size : declaration.shape) {
    tensor.numel *= static_cast<std::uint64_t>(size);
  }
  synth::check(tensor.distribution);
  return tensor;
}

void write_synthetic(const SyntheticTensor& tensor, SafetensorsWriter& writer, Seed user_seed,
                     unsigned threads, const std::function<void(std::uint64_t)>& done) {
  const Seed seed = synth::synthetic_seed(user_seed, tensor.declaration.name);
  const bool is_fp32 = tensor.declaration.dtype == DType::F32;
  const Quantizer quantizer(parse_format(tensor.declaration.dtype == DType::F16 ? "fp16" : "bf16"),
                            {.overflow = Overflow::saturate});
  std::vector<float> values;
  std::vector<std::uint16_t> codes;
  const std::uint64_t most = kSliceElements * kSlicesPerThread * threads;
  for (std::uint64_t first = 0; first < tensor.numel;) {
    const auto size = static_cast<std::size_t>(std::min(most, tensor.numel - first));
    values.resize(size);
    codes.resize(is_fp32 ? 0 : size);
    parallel_for((size + kSliceElements - 1) / kSliceElements, threads, [&](std::size_t s) {
      const std::size_t begin = s * kSliceElements;
      const std::size_t length = std::min(kSliceElements, size - begin);
      const std::span<float> slice = std::span(values).subspan(begin, length);
      synth::fill(tensor.distribution, seed, first + begin, slice);
      if (!is_fp32) quantizer.to_codes(slice, std::span(codes).subspan(begin, length));
    });
    if (is_fp32) {
      writer.append(std::span<const float>(values));
    } else {
      writer.append(std::span<const std::uint16_t>(codes));
    }
    done(size);
    first += size;
  }
}

}  // namespace gradpath
