#include "sim/explore/training_place.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "traces/layer_geometry.hpp"

namespace gradpath {
namespace {

std::string_view metadata(const Trace& trace, const std::string& key) {
  const auto entry = trace.file().metadata().find(key);
  return entry == trace.file().metadata().end() ? std::string_view() : entry->second;
}

// The tensor of this layer and part at the largest step below `before`.
const Tensor* last_before(const Trace& trace, const TraceName& wanted) {
  const Tensor* found = nullptr;
  std::int64_t found_step = 0;
  for (const Tensor& tensor : trace.tensors()) {
    const auto name = parse_trace_name(tensor.name);
    if (!name || name->layer != wanted.layer || name->part != wanted.part) continue;
    if (name->step >= wanted.step || (found != nullptr && name->step < found_step)) continue;
    found = &tensor;
    found_step = name->step;
  }
  return found;
}

bool is_number(std::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

// Empty for a layer in no block.
std::string_view block_of(std::string_view layer) {
  for (std::size_t begin = 0; begin < layer.size();) {
    const std::size_t end = std::min(layer.find('.', begin), layer.size());
    if (begin > 0 && is_number(layer.substr(begin, end - begin))) return layer.substr(0, end);
    begin = end + 1;
  }
  const std::size_t dot = layer.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : layer.substr(0, dot);
}

// Blocks of a file in order.
std::vector<std::string> blocks_of(const Trace& trace) {
  std::vector<std::string> blocks;
  const auto add = [&](std::string_view layer) {
    const std::string_view block = block_of(layer);
    if (!block.empty() && std::ranges::find(blocks, block) == blocks.end()) {
      blocks.emplace_back(block);
    }
  };
  const std::string_view layers = metadata(trace, "layers");
  if (!layers.empty()) {
    for (const NamedGeometry& layer : parse_layers(trace.path(), layers)) add(layer.layer);
  }
  for (const Tensor& tensor : trace.tensors()) {
    if (const auto name = parse_trace_name(tensor.name)) add(name->layer);
  }
  return blocks;
}

}  // namespace

TensorContext tensor_context(const Tensor& tensor) {
  TensorContext context;
  if (tensor.shape.size() > 1 && tensor.shape[0] > 0) {
    context.examples = static_cast<std::uint64_t>(tensor.shape[0]);
  }
  if (const auto name = parse_trace_name(tensor.name)) {
    context.kind = name->part == "weight"  ? TensorKind::weight
                   : name->part == "input" ? TensorKind::input
                                           : TensorKind::gradient;
  }
  return context;
}

std::optional<SelectedTensor> tensor_a_step_before(const std::vector<Trace>& traces,
                                                   const SelectedTensor& selected) {
  const auto name = parse_trace_name(selected.tensor->name);
  if (!name) return std::nullopt;
  if (const Tensor* tensor = last_before(*selected.trace, *name)) {
    return SelectedTensor{selected.trace, tensor};
  }
  std::optional<SelectedTensor> best;
  std::int64_t best_step = 0;
  for (const Trace& trace : traces) {
    if (metadata(trace, "model") != metadata(*selected.trace, "model")) continue;
    if (metadata(trace, "dataset") != metadata(*selected.trace, "dataset")) continue;
    const Tensor* tensor = last_before(trace, *name);
    if (tensor == nullptr) continue;
    const std::int64_t step = parse_trace_name(tensor->name)->step;
    if (best && step <= best_step) continue;
    best = {&trace, tensor};
    best_step = step;
  }
  return best;
}

std::vector<int> blocks_after(const std::vector<SelectedTensor>& tensors) {
  std::map<const Trace*, std::vector<std::string>> blocks;
  std::vector<int> after;
  for (const SelectedTensor& selected : tensors) {
    if (!blocks.contains(selected.trace)) {
      blocks.emplace(selected.trace, blocks_of(*selected.trace));
    }
    const std::vector<std::string>& known = blocks.at(selected.trace);
    const auto name = parse_trace_name(selected.tensor->name);
    const auto place = name ? std::ranges::find(known, block_of(name->layer)) : known.end();
    after.push_back(place == known.end() ? -1 : static_cast<int>(known.end() - place) - 1);
  }
  return after;
}

}  // namespace gradpath
