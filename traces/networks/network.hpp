#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/layer_geometry.hpp"

namespace gradpath {

/// A convolution or linear layer of a network on one example. Shapes have the batch at index 0, as
/// 1: multiply by N.
struct NetworkLayer {
  std::string name;  ///< PyTorch module path
  LayerGeometry geometry;
  std::vector<std::int64_t> input;        ///< [1, C, H, W], [1, I] or [1, T, I]
  std::vector<std::int64_t> grad_output;  ///< the output's: [1, O, H', W'], [1, O] or [1, T, O]
  std::vector<std::int64_t> weight;       ///< [O, C / groups, Kh, Kw] or [O, I]
  bool has_bias = false;
};

/// What a network is built for.
struct NetworkOptions {
  std::int64_t image = 224;     ///< height and width, 32 to 4096: convolutional networks
  std::int64_t sequence = 128;  ///< tokens, 1 to the model's positions: transformers
};

/// A row of the table of networks.
struct Network {
  std::string_view name;
  std::string_view source;  ///< whose module names and shapes these are
  std::int64_t positions;   ///< longest sequence; 0 for a convolutional network
  /// Layers in the order of named_modules().
  std::vector<NetworkLayer> (*layers)(const NetworkOptions& options);
};

/// All networks. One more is one more file and a row of network.cpp.
[[nodiscard]] std::span<const Network> all_networks();
/// UserError names all.
[[nodiscard]] const Network& find_network(std::string_view name);

// The rows' functions.
[[nodiscard]] std::vector<NetworkLayer> resnet18_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> resnet50_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> vgg16_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> densenet121_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> mobilenet_v2_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> bert_base_layers(const NetworkOptions& options);
[[nodiscard]] std::vector<NetworkLayer> gpt2_layers(const NetworkOptions& options);

}  // namespace gradpath
