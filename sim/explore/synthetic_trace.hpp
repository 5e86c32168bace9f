#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "models/synth/variates.hpp"
#include "traces/networks/network.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath {

/// What the gradients of a synthetic trace are drawn from. `mixed` is lognormal, Laplace and normal
/// layers in turn, all with the lognormal's median magnitude exp(mu).
struct SyntheticGradients {
  enum class Law : std::uint8_t { lognormal, laplace, normal, mixed };
  static constexpr std::array<std::string_view, 4> kNames = {"lognormal", "laplace", "normal",
                                                             "mixed"};
  Law law = Law::lognormal;
  double mu = -9.0;
  double sigma = 2.0;
  double zeros = 0.0;

  [[nodiscard]] bool is_logarithmic() const { return law == Law::lognormal || law == Law::mixed; }
  /// Of the layer with this number.
  [[nodiscard]] synth::Distribution of_layer(std::size_t layer) const;
};

/// A part of a layer; named as in a trace.
enum class TracePart : std::uint8_t { grad_output, input, weight };
inline constexpr std::array<std::string_view, 3> kTraceParts = {"grad_output", "input", "weight"};

/// One tensor to be written.
struct SyntheticTensor {
  TensorDeclaration declaration;
  synth::Distribution distribution;
  std::uint64_t numel = 0;
};

/// The part of a layer, the `number`-th of its network. Activations behind a ReLU are half zeros,
/// the image and a transformer's (behind a layer norm) are normal; weights as He et al. 2015.
/// dtype: F32, or BF16 or F16, rounded to nearest even, beyond the range to the largest.
[[nodiscard]] SyntheticTensor synthetic_tensor(std::int64_t step, const NetworkLayer& layer,
                                               std::size_t number, TracePart part,
                                               std::int64_t batch,
                                               const SyntheticGradients& gradients, DType dtype);

/// Streams the tensor: a few slices a thread are in memory, whatever its size. seed: the user's.
/// done(elements) is told of progress.
void write_synthetic(const SyntheticTensor& tensor, SafetensorsWriter& writer, Seed seed,
                     unsigned threads, const std::function<void(std::uint64_t)>& done);

}  // namespace gradpath
