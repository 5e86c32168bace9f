#include <array>

#include <fmt/format.h>

#include "traces/networks/layer_list.hpp"

namespace gradpath {
namespace {

constexpr std::int64_t kClasses = 1000;

/// conv1, bn1, conv2, ..., then the shortcut: the order in which torchvision's blocks declare them.
Activation basic_block(LayerList& list, const std::string& name, Activation in, std::int64_t width,
                       std::int64_t stride) {
  const Activation middle = list.conv(
      name + ".conv1", in, {.outputs = width, .kernel = 3, .stride = stride, .padding = 1});
  const Activation out =
      list.conv(name + ".conv2", middle, {.outputs = width, .kernel = 3, .padding = 1});
  if (stride != 1 || in.channels != width) {
    list.conv(name + ".downsample.0", in, {.outputs = width, .stride = stride});
  }
  return out;
}

Activation bottleneck(LayerList& list, const std::string& name, Activation in, std::int64_t width,
                      std::int64_t stride) {
  constexpr std::int64_t kExpansion = 4;
  Activation x = list.conv(name + ".conv1", in, {.outputs = width});
  x = list.conv(name + ".conv2", x,
                {.outputs = width, .kernel = 3, .stride = stride, .padding = 1});
  x = list.conv(name + ".conv3", x, {.outputs = width * kExpansion});
  if (stride != 1 || in.channels != width * kExpansion) {
    list.conv(name + ".downsample.0", in, {.outputs = width * kExpansion, .stride = stride});
  }
  return x;
}

template <class Block>
std::vector<NetworkLayer> resnet(const NetworkOptions& options, Block block,
                                 const std::array<int, 4>& blocks) {
  LayerList list;
  Activation x = list.conv("conv1", {3, options.image},
                           {.outputs = 64, .kernel = 7, .stride = 2, .padding = 3});
  x.size = windowed_size(x.size, 3, 2, 1);  // maxpool
  std::int64_t width = 64;
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    for (int b = 0; b < blocks[stage]; ++b) {
      const std::int64_t stride = stage > 0 && b == 0 ? 2 : 1;
      x = block(list, fmt::format("layer{}.{}", stage + 1, b), x, width, stride);
    }
    width *= 2;
  }
  list.linear("fc", x.channels, kClasses);
  return list.take();
}

}  // namespace

std::vector<NetworkLayer> resnet18_layers(const NetworkOptions& options) {
  return resnet(options, basic_block, {2, 2, 2, 2});
}

std::vector<NetworkLayer> resnet50_layers(const NetworkOptions& options) {
  return resnet(options, bottleneck, {3, 4, 6, 3});
}

}  // namespace gradpath
