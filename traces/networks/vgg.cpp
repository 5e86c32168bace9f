#include <array>

#include <fmt/format.h>

#include "traces/networks/layer_list.hpp"

namespace gradpath {

std::vector<NetworkLayer> vgg16_layers(const NetworkOptions& options) {
  constexpr int kPool = 0;
  constexpr std::array kFeatures = {64,    64,  kPool, 128, 128,   kPool, 256, 256, 256,
                                    kPool, 512, 512,   512, kPool, 512,   512, 512, kPool};
  constexpr std::int64_t kPooled = 7;  // AdaptiveAvgPool2d
  LayerList list;
  Activation x{3, options.image};
  int index = 0;  // in `features`: a convolution and its ReLU are two modules, a pool is one
  for (const int outputs : kFeatures) {
    if (outputs == kPool) {
      x.size /= 2;
      index += 1;
      continue;
    }
    x = list.conv(fmt::format("features.{}", index), x,
                  {.outputs = outputs, .kernel = 3, .padding = 1, .has_bias = true});
    index += 2;
  }
  list.linear("classifier.0", x.channels * kPooled * kPooled, 4096);
  list.linear("classifier.3", 4096, 4096);
  list.linear("classifier.6", 4096, 1000);
  return list.take();
}

}  // namespace gradpath
