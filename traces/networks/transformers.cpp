#include <fmt/format.h>

#include "traces/networks/layer_list.hpp"

namespace gradpath {
namespace {

constexpr int kBlocks = 12;
constexpr std::int64_t kWidth = 768;
constexpr std::int64_t kWide = 4 * kWidth;
constexpr std::int64_t kGpt2Vocabulary = 50257;

}  // namespace

std::vector<NetworkLayer> bert_base_layers(const NetworkOptions& options) {
  const std::int64_t tokens = options.sequence;
  LayerList list;
  for (int block = 0; block < kBlocks; ++block) {
    const std::string name = fmt::format("encoder.layer.{}.", block);
    for (const char* part : {"query", "key", "value"}) {
      list.linear(fmt::format("{}attention.self.{}", name, part), kWidth, kWidth, tokens);
    }
    list.linear(name + "attention.output.dense", kWidth, kWidth, tokens);
    list.linear(name + "intermediate.dense", kWidth, kWide, tokens);
    list.linear(name + "output.dense", kWide, kWidth, tokens);
  }
  list.linear("pooler.dense", kWidth, kWidth);  // of the first token
  return list.take();
}

// Hugging Face's Conv1D keeps its weight as [in, out]; here it stands as the linear layer it is.
std::vector<NetworkLayer> gpt2_layers(const NetworkOptions& options) {
  const std::int64_t tokens = options.sequence;
  LayerList list;
  for (int block = 0; block < kBlocks; ++block) {
    const std::string name = fmt::format("transformer.h.{}.", block);
    list.linear(name + "attn.c_attn", kWidth, 3 * kWidth, tokens);
    list.linear(name + "attn.c_proj", kWidth, kWidth, tokens);
    list.linear(name + "mlp.c_fc", kWidth, kWide, tokens);
    list.linear(name + "mlp.c_proj", kWide, kWidth, tokens);
  }
  list.linear("lm_head", kWidth, kGpt2Vocabulary, tokens, false);  // tied to the embedding
  return list.take();
}

}  // namespace gradpath
