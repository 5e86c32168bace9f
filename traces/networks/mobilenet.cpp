#include <array>

#include <fmt/format.h>

#include "traces/networks/layer_list.hpp"

namespace gradpath {
namespace {

/// A row of the paper's table 2.
struct Stage {
  std::int64_t expansion;
  std::int64_t outputs;
  int repeats;
  std::int64_t stride;  ///< of the first block
};

constexpr std::array<Stage, 7> kStages = {{{1, 16, 1, 1},
                                           {6, 24, 2, 2},
                                           {6, 32, 3, 2},
                                           {6, 64, 4, 2},
                                           {6, 96, 3, 1},
                                           {6, 160, 3, 2},
                                           {6, 320, 1, 1}}};

/// Expansion (none in the first block), depthwise, projection; `conv` counts its modules.
Activation inverted_residual(LayerList& list, const std::string& name, Activation x,
                             const Stage& stage, std::int64_t stride) {
  const std::int64_t hidden = x.channels * stage.expansion;
  int index = 0;
  if (stage.expansion != 1) {
    x = list.conv(fmt::format("{}.conv.{}.0", name, index++), x, {.outputs = hidden});
  }
  x = list.conv(fmt::format("{}.conv.{}.0", name, index++), x,
                {.outputs = hidden, .kernel = 3, .stride = stride, .padding = 1, .groups = hidden});
  return list.conv(fmt::format("{}.conv.{}", name, index), x, {.outputs = stage.outputs});
}

}  // namespace

std::vector<NetworkLayer> mobilenet_v2_layers(const NetworkOptions& options) {
  LayerList list;
  Activation x = list.conv("features.0.0", {3, options.image},
                           {.outputs = 32, .kernel = 3, .stride = 2, .padding = 1});
  int index = 1;
  for (const Stage& stage : kStages) {
    for (int repeat = 0; repeat < stage.repeats; ++repeat) {
      x = inverted_residual(list, fmt::format("features.{}", index++), x, stage,
                            repeat == 0 ? stage.stride : 1);
    }
  }
  x = list.conv(fmt::format("features.{}.0", index), x, {.outputs = 1280});
  list.linear("classifier.1", x.channels, 1000);
  return list.take();
}

}  // namespace gradpath
