#include "traces/networks/network.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"

namespace gradpath {

std::span<const Network> all_networks() {
  static constexpr std::array kNetworks = {
      Network{"resnet18", "He et al. 2016; torchvision", 0, resnet18_layers},
      Network{"resnet50", "He et al. 2016, stride in the 3x3 (v1.5); torchvision", 0,
              resnet50_layers},
      Network{"vgg16", "Simonyan and Zisserman 2015, configuration D; torchvision", 0,
              vgg16_layers},
      Network{"densenet121", "Huang et al. 2017; torchvision", 0, densenet121_layers},
      Network{"mobilenet_v2", "Sandler et al. 2018; torchvision", 0, mobilenet_v2_layers},
      Network{"bert_base", "Devlin et al. 2019; Hugging Face BertModel", 512, bert_base_layers},
      Network{"gpt2", "Radford et al. 2019; Hugging Face GPT2LMHeadModel", 1024, gpt2_layers},
  };
  return kNetworks;
}

const Network& find_network(std::string_view name) {
  const auto found = std::ranges::find(all_networks(), name, &Network::name);
  if (found != all_networks().end()) return *found;
  std::vector<std::string_view> names;
  for (const Network& network : all_networks()) names.push_back(network.name);
  throw UserError(
      fmt::format("network '{}' is unknown; expected {}", name, fmt::join(names, ", ")));
}

}  // namespace gradpath
