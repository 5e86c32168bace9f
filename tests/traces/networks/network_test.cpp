#include "traces/networks/network.hpp"

#include <functional>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/mac/conv.hpp"             // these two together: no name of theirs is
#include "traces/networks/layer_list.hpp"  // taken twice

namespace gradpath {
namespace {

std::int64_t product(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>{});
}

std::vector<NetworkLayer> layers_of(std::string_view name) { return find_network(name).layers({}); }

std::int64_t weights_and_biases(std::string_view name) {
  std::int64_t sum = 0;
  for (const NetworkLayer& layer : layers_of(name)) {
    sum += product(layer.weight) + (layer.has_bias ? layer.weight[0] : 0);
  }
  return sum;
}

bool is_conv(const NetworkLayer& layer) { return layer.geometry.op == LayerGeometry::Op::conv2d; }

/// Weight and bias of a batch norm behind every convolution.
std::int64_t norms_behind(std::string_view name) {
  std::int64_t sum = 0;
  for (const NetworkLayer& layer : layers_of(name)) {
    if (is_conv(layer)) sum += 2 * layer.weight[0];
  }
  return sum;
}

// The totals are those that torchvision's documentation gives as num_params, which nothing here is
// made from; what is not a convolution or linear layer is added by the network's definition.
TEST(Network, ParametersOfTorchvisionNetworksAreThePublishedTotals) {
  EXPECT_EQ(weights_and_biases("resnet18") + norms_behind("resnet18"), 11'689'512);
  EXPECT_EQ(weights_and_biases("resnet50") + norms_behind("resnet50"), 25'557'032);
  EXPECT_EQ(weights_and_biases("vgg16"), 138'357'544);
  EXPECT_EQ(weights_and_biases("mobilenet_v2") + norms_behind("mobilenet_v2"), 3'504'872);
  // DenseNet's norms stand before: norm0 behind conv0 (64), one before every other convolution,
  // norm5 before the classifier.
  std::int64_t norms = 2 * 64;
  for (const NetworkLayer& layer : layers_of("densenet121")) {
    if (layer.name != "features.conv0") norms += 2 * layer.weight[1];
  }
  EXPECT_EQ(weights_and_biases("densenet121") + norms, 7'978'856);
}

// Hugging Face's num_parameters() of bert-base-uncased (BertModel) and gpt2.
TEST(Network, ParametersOfTransformersAreThePublishedTotals) {
  const std::int64_t bert_embeddings = (30'522 + 512 + 2) * 768;
  const std::int64_t bert_norms = (1 + 12 * 2) * 2 * 768;
  EXPECT_EQ(weights_and_biases("bert_base") + bert_embeddings + bert_norms, 109'482'240);
  const std::int64_t gpt2_positions = 1024 * 768;  // the token embedding is lm_head's weight
  const std::int64_t gpt2_norms = (1 + 12 * 2) * 2 * 768;
  EXPECT_EQ(weights_and_biases("gpt2") + gpt2_positions + gpt2_norms, 124'439'808);
}

// Multiplications of one 224 x 224 image, which depend on every spatial size: torchvision's GFLOPS
// (it counts a multiplication with its addition as one), to the two digits printed.
TEST(Network, MultiplicationsAreThePublishedNumbers) {
  const std::map<std::string_view, double> published = {{"resnet18", 1.81},
                                                        {"resnet50", 4.09},
                                                        {"vgg16", 15.47},
                                                        {"densenet121", 2.83},
                                                        {"mobilenet_v2", 0.30}};
  for (const auto& [name, giga] : published) {
    std::int64_t multiplications = 0;
    for (const NetworkLayer& layer : layers_of(name)) {
      const std::int64_t per_output = product(layer.weight) / layer.weight[0];
      multiplications += product(layer.grad_output) * per_output;
    }
    EXPECT_NEAR(static_cast<double>(multiplications) * 1e-9, giga, 0.0075) << name;
  }
}

TEST(Network, LayersHaveTheModulePathsOfTheirLibrary) {
  const std::map<std::string_view, std::pair<std::size_t, std::vector<std::string>>> expected = {
      {"resnet18",
       {21, {"conv1", "layer1.0.conv1", "layer2.0.downsample.0", "layer4.1.conv2", "fc"}}},
      {"resnet50", {54, {"layer1.0.conv3", "layer1.0.downsample.0", "layer3.5.conv2", "fc"}}},
      {"vgg16", {16, {"features.0", "features.2", "features.28", "classifier.0", "classifier.6"}}},
      {"densenet121",
       {121,
        {"features.conv0", "features.denseblock3.denselayer24.conv2", "features.transition3.conv",
         "features.denseblock4.denselayer16.conv1", "classifier"}}},
      {"mobilenet_v2",
       {53,
        {"features.0.0", "features.1.conv.0.0", "features.1.conv.1", "features.2.conv.1.0",
         "features.17.conv.2", "features.18.0", "classifier.1"}}},
      {"bert_base",
       {73,
        {"encoder.layer.0.attention.self.query", "encoder.layer.11.output.dense",
         "encoder.layer.5.intermediate.dense", "pooler.dense"}}},
      {"gpt2", {49, {"transformer.h.0.attn.c_attn", "transformer.h.11.mlp.c_proj", "lm_head"}}}};
  for (const auto& [name, layers] : expected) {
    std::set<std::string> names;
    for (const NetworkLayer& layer : layers_of(name)) {
      EXPECT_TRUE(names.insert(layer.name).second) << name << " " << layer.name << " twice";
    }
    EXPECT_EQ(names.size(), layers.first) << name;
    for (const std::string& layer : layers.second) EXPECT_TRUE(names.contains(layer)) << layer;
  }
}

TEST(Network, UnknownNameIsRefusedWithTheKnownOnes) {
  try {
    (void)find_network("resnet34");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("resnet18, resnet50"), std::string::npos);
  }
}

}  // namespace
}  // namespace gradpath
