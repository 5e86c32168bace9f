#include "traces/trace.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

__extension__ using Int128 = __int128;

// The largest number a layer's geometry may have.
constexpr std::int64_t kLargestExtent = std::int64_t{1} << 30;

// Checks the shapes of one layer at one step against each other and its geometry.
class ShapeChecker {
 public:
  ShapeChecker(const std::string& path, const LayerStep& step) : path_(path), step_(step) {}

  void check() const {
    for (const Tensor* tensor : {step_.grad_output, step_.input, step_.weight}) {
      if (tensor != nullptr && !is_readable_as_float(tensor->dtype)) {
        fail(*tensor,
             fmt::format("dtype is {}, expected F32, BF16, F16 or F64", dtype_name(tensor->dtype)));
      }
    }
    if (step_.geometry.op == LayerGeometry::Op::conv_transpose2d)
      return;  // nothing multiplies them
    if (step_.geometry.op == LayerGeometry::Op::conv2d) {
      check_conv2d();
    } else {
      check_linear();
    }
    if (step_.grad_output->numel() == 0) return;  // there is nothing to replay
    for (const Tensor* tensor : {step_.input, step_.weight}) {
      if (tensor != nullptr && tensor->numel() == 0) {
        fail(*tensor, fmt::format("shape is {}, which holds nothing, but grad_output's {} does",
                                  shape_text(tensor->shape), shape_text(step_.grad_output->shape)));
      }
    }
    check_products();
  }

 private:
  void check_conv2d() const {
    const Tensor& grad = *step_.grad_output;
    expect_rank(grad, 4, "[batch, channels, height, width]");
    expect_groups_divide(grad, grad.shape[1]);
    if (step_.input != nullptr) {
      const Tensor& input = *step_.input;
      expect_rank(input, 4, "[batch, channels, height, width]");
      expect(input, 0, grad.shape[0], "the batch of grad_output");
      expect_groups_divide(input, input.shape[1]);
    }
    if (step_.weight == nullptr) return;
    const Tensor& weight = *step_.weight;
    expect_rank(weight, 4, "[outputs, inputs / groups, kernel height, kernel width]");
    expect(weight, 0, grad.shape[1], "the channels of grad_output");
    if (weight.shape[2] < 1 || weight.shape[3] < 1) {
      fail(weight, fmt::format("shape is {}, expected a kernel of at least 1 x 1",
                               shape_text(weight.shape)));
    }
    expect_extent(0, "height");
    expect_extent(1, "width");
    if (step_.input == nullptr) return;
    const Tensor& input = *step_.input;
    expect(weight, 1, input.shape[1] / step_.geometry.groups, "the channels of input / groups");
  }

  void check_linear() const {
    const std::vector<std::int64_t>& grad = step_.grad_output->shape;
    if (grad.empty()) fail(*step_.grad_output, "is a scalar, expected [..., outputs]");
    if (step_.input != nullptr) {
      const std::vector<std::int64_t>& input = step_.input->shape;
      if (input.size() != grad.size() || !std::equal(grad.begin(), grad.end() - 1, input.begin())) {
        fail(*step_.input,
             fmt::format("shape is {}, expected the leading dimensions of grad_output's {}",
                         shape_text(input), shape_text(grad)));
      }
    }
    if (step_.weight == nullptr) return;
    expect_rank(*step_.weight, 2, "[outputs, inputs]");
    expect(*step_.weight, 0, grad.back(), "the features of grad_output");
    if (step_.input != nullptr) {
      expect(*step_.weight, 1, step_.input->shape.back(), "the features of input");
    }
  }

  // The output size of a convolution, PyTorch's Conv2d: floor((H + 2p - d(K-1) - 1) / s) + 1.
  void expect_extent(std::size_t axis, std::string_view name) const {
    const LayerGeometry& g = step_.geometry;
    const Tensor& grad = *step_.grad_output;
    const std::int64_t kernel = step_.weight->shape[2 + axis];
    const std::int64_t output = grad.shape[2 + axis];
    const auto geometry = [&] {
      return fmt::format("kernel {}, stride {}, padding {}, dilation {}", kernel, g.stride[axis],
                         g.padding[axis], g.dilation[axis]);
    };
    // Sizes have 63 bits and the geometry 30, so 128 bits hold all that is made of them.
    const Int128 reach = Int128{g.dilation[axis]} * (kernel - 1) + 1 - 2 * Int128{g.padding[axis]};
    if (step_.input == nullptr) {
      const Int128 least = smallest_input(axis);
      if (output == 0 || (least <= kLargestExtent && least + g.stride[axis] > 1)) return;
      fail(grad, fmt::format("{} is {}, for which {} need an input of {}", name, output, geometry(),
                             least > 0 ? "more than 2^30" : "less than 1"));
    }
    const std::int64_t input = step_.input->shape[2 + axis];
    const Int128 expected = input < reach ? 0 : (input - reach) / g.stride[axis] + 1;
    if (output == expected) return;
    fail(grad, fmt::format("{} is {}, expected {} from input {}, {}", name, output,
                           static_cast<std::uint64_t>(expected), input, geometry()));
  }

  // The least input that gives the gradient's extent.
  [[nodiscard]] Int128 smallest_input(std::size_t axis) const {
    const LayerGeometry& g = step_.geometry;
    return Int128{step_.grad_output->shape[2 + axis] - 1} * g.stride[axis] +
           Int128{g.dilation[axis]} * (step_.weight->shape[2 + axis] - 1) + 1 -
           2 * Int128{g.padding[axis]};
  }

  // What is not in the file is as large as its tensors' products: a layer without an input, or the
  // product of a long gradient with a wide weight. Far above all that runs, far below 64 bits.
  void check_products() const {
    constexpr int kMostElements = 48;  // as a power of two
    constexpr int kMostProducts = 60;
    const auto& grad = step_.grad_output->shape;
    const bool is_linear = step_.geometry.op == LayerGeometry::Op::linear;
    const std::int64_t outputs = is_linear ? grad.back() : grad[1];
    const auto positions = static_cast<std::int64_t>(step_.grad_output->numel()) / outputs;
    if (step_.weight == nullptr && (step_.input == nullptr || !is_linear)) return;
    const std::int64_t inputs =
        step_.weight != nullptr ? step_.weight->shape[1] : step_.input->shape.back();
    std::vector<std::int64_t> input = {is_linear ? positions : grad[0], inputs,
                                       step_.geometry.groups};
    std::vector<std::int64_t> products = {positions, outputs, inputs};
    if (!is_linear) {
      for (std::size_t axis = 0; axis < 2; ++axis) {
        input.push_back(step_.input != nullptr
                            ? step_.input->shape[2 + axis]
                            : static_cast<std::int64_t>(std::max<Int128>(smallest_input(axis), 1)));
        products.push_back(step_.weight->shape[2 + axis]);
      }
    }
    expect_product(input, kMostElements, "elements in the gradient of its input");
    expect_product({outputs, inputs}, kMostElements, "elements in the gradient of its weight");
    expect_product(products, kMostProducts, "multiplications a product");
  }
  void expect_product(const std::vector<std::int64_t>& factors, int most_bits,
                      std::string_view what) const {
    Int128 product = 1;
    for (const std::int64_t factor : factors) {
      product *= factor;
      if (product <= Int128{1} << most_bits) continue;
      fail(*step_.grad_output, fmt::format("makes {}, with the layer's other tensors and geometry: "
                                           "more than 2^{} {}",
                                           fmt::join(factors, " x "), most_bits, what));
    }
  }

  void expect_rank(const Tensor& tensor, std::size_t rank, std::string_view layout) const {
    if (tensor.shape.size() == rank) return;
    fail(tensor, fmt::format("shape is {}, expected {}", shape_text(tensor.shape), layout));
  }
  void expect(const Tensor& tensor, std::size_t axis, std::int64_t size,
              std::string_view what) const {
    if (tensor.shape[axis] == size) return;
    fail(tensor, fmt::format("shape is {}, expected {} at dimension {}, {}",
                             shape_text(tensor.shape), size, axis, what));
  }
  void expect_groups_divide(const Tensor& tensor, std::int64_t channels) const {
    if (channels % step_.geometry.groups == 0) return;
    fail(tensor, fmt::format("has {} channels, which the layer's {} groups do not divide", channels,
                             step_.geometry.groups));
  }
  [[noreturn]] void fail(const Tensor& tensor, const std::string& what) const {
    throw UserError(
        fmt::format("{}: tensor {}: {}; mend the tensor or the layer's entry in "
                    "'layers'",
                    path_, quote(tensor.name), what));
  }

  const std::string& path_;
  const LayerStep& step_;
};

struct Parts {
  const Tensor* grad_output = nullptr;
  const Tensor* input = nullptr;
  const Tensor* weight = nullptr;
};

}  // namespace

std::optional<TraceName> parse_trace_name(std::string_view name) {
  constexpr std::string_view kStep = "step";
  if (!name.starts_with(kStep)) return std::nullopt;
  const std::size_t first = name.find('/');
  const std::size_t last = name.rfind('/');
  if (first == std::string_view::npos || last <= first + 1) return std::nullopt;
  const std::string_view digits = name.substr(kStep.size(), first - kStep.size());
  // One spelling a step: two tensors must not be the same part of the same step.
  if (digits.empty() || digits[0] == '-' || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  }
  TraceName parts{0, name.substr(first + 1, last - first - 1), name.substr(last + 1)};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parts.step);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (parts.part != "grad_output" && parts.part != "input" && parts.part != "weight") {
    return std::nullopt;
  }
  return parts;
}

std::vector<LayerStep> Trace::layer_steps(const Trace* inputs_from) const {
  const Trace* described = this;
  if (inputs_from != nullptr && !file_.metadata().contains("layers")) described = inputs_from;
  const auto entry = described->file_.metadata().find("layers");
  if (entry == described->file_.metadata().end()) {
    throw UserError(fmt::format(
        "{}: __metadata__ has no 'layers', so it can be fitted, cast and pruned but not replayed; "
        R"(add the string 'layers': {{"LAYER":{{"op":"conv2d","stride":[1,1],"padding":[1,1],)"
        R"("dilation":[1,1],"groups":1}},"LAYER":{{"op":"linear"}}}})",
        path()));
  }
  const std::vector<NamedGeometry> layers = parse_layers(described->path(), entry->second);
  std::unordered_map<std::string_view, std::size_t> order;
  for (std::size_t i = 0; i < layers.size(); ++i) order.emplace(layers[i].layer, i);

  // Keyed by (step, place in `layers`): the order of the result.
  std::map<std::pair<std::int64_t, std::size_t>, Parts> found;
  for (const Tensor& tensor : tensors()) {
    const std::optional<TraceName> name = parse_trace_name(tensor.name);
    if (!name) continue;
    const auto place = order.find(name->layer);
    if (place == order.end()) {
      throw UserError(
          fmt::format("{}: tensor {}: __metadata__ 'layers' has no layer {}; add its geometry",
                      path(), quote(tensor.name), quote(name->layer)));
    }
    Parts& parts = found[{name->step, place->second}];
    (name->part == "grad_output" ? parts.grad_output
     : name->part == "input"     ? parts.input
                                 : parts.weight) = &tensor;
  }

  std::vector<LayerStep> steps;
  for (auto& [key, parts] : found) {
    if (parts.grad_output == nullptr) continue;
    const std::int64_t step = key.first;
    const NamedGeometry& layer = layers[key.second];
    const auto lend = [&](const Tensor*& part, std::string_view name) {
      if (part != nullptr || inputs_from == nullptr) return;
      part = inputs_from->file_.find(fmt::format("step{}/{}/{}", step, layer.layer, name));
    };
    lend(parts.input, "input");
    lend(parts.weight, "weight");
    steps.push_back(
        {step, layer.layer, layer.geometry, parts.grad_output, parts.input, parts.weight});
    ShapeChecker(path(), steps.back()).check();
  }
  return steps;
}

}  // namespace gradpath
