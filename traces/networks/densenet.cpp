#include <array>

#include <fmt/format.h>

#include "traces/networks/layer_list.hpp"

namespace gradpath {

std::vector<NetworkLayer> densenet121_layers(const NetworkOptions& options) {
  constexpr std::array kLayers = {6, 12, 24, 16};  // in each dense block
  constexpr std::int64_t kGrowth = 32;
  constexpr std::int64_t kBottleneck = 4 * kGrowth;
  LayerList list;
  Activation x = list.conv("features.conv0", {3, options.image},
                           {.outputs = 64, .kernel = 7, .stride = 2, .padding = 3});
  x.size = windowed_size(x.size, 3, 2, 1);  // pool0
  for (std::size_t block = 1; block <= kLayers.size(); ++block) {
    for (int layer = 1; layer <= kLayers[block - 1]; ++layer) {
      const std::string name = fmt::format("features.denseblock{}.denselayer{}", block, layer);
      const Activation narrow = list.conv(name + ".conv1", x, {.outputs = kBottleneck});
      list.conv(name + ".conv2", narrow, {.outputs = kGrowth, .kernel = 3, .padding = 1});
      x.channels += kGrowth;  // concatenated
    }
    if (block == kLayers.size()) break;
    x = list.conv(fmt::format("features.transition{}.conv", block), x, {.outputs = x.channels / 2});
    x.size /= 2;
  }
  list.linear("classifier", x.channels, 1000);
  return list.take();
}

}  // namespace gradpath
