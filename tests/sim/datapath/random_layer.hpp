#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "models/format/formats.hpp"
#include "sim/datapath/replay/layer_replay.hpp"
#include "tests/seed.hpp"

namespace gradpath::test {

/// The seed of random tests: GRADPATH_TEST_SEED, or a fixed one.
inline std::uint64_t test_seed() { return gradpath::test_seed(20260701); }

inline std::string seed_note() { return "GRADPATH_TEST_SEED=" + std::to_string(test_seed()); }

/// A layer's tensors with their memory.
struct Layer {
  ConvShape shape;
  std::vector<float> gradient;
  std::vector<float> input;
  std::vector<float> weight;

  [[nodiscard]] LayerTensors tensors(float alpha = 0.0f) const {
    return {.shape = shape,
            .gradient = gradient,
            .input = input,
            .weight = weight,
            .alpha = alpha,
            .prune_seed = Seed{11},
            .quantize_seed = Seed{12}};
  }
};

/// Fills a layer's tensors from a function of nothing.
template <class Draw>
Layer make_layer(const ConvShape& shape, Draw draw) {
  Layer layer{.shape = shape, .gradient = {}, .input = {}, .weight = {}};
  const auto fill = [&](std::vector<float>& values, std::int64_t count) {
    values.resize(static_cast<std::size_t>(count));
    for (float& value : values) value = draw();
  };
  fill(layer.gradient, shape.gradient_elements());
  fill(layer.input, shape.input_elements());
  fill(layer.weight, shape.weight_elements());
  return layer;
}

/// Gradient-like values: lognormal magnitudes of both signs, a share of zeros.
inline Layer lognormal_layer(const ConvShape& shape, std::mt19937_64& random, double zeros = 0.3) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  return make_layer(shape, [&] {
    if (uniform(random) < zeros) return uniform(random) < 0.5 ? 0.0f : -0.0f;
    const double magnitude = std::exp(2.0 * normal(random) - 9.0);
    return static_cast<float>(uniform(random) < 0.5 ? magnitude : -magnitude);
  });
}

/// Integers from -3 to 3: exact in every format used here, and so are their sums.
inline Layer integer_layer(const ConvShape& shape, std::mt19937_64& random) {
  std::uniform_int_distribution<int> integer(-3, 3);
  return make_layer(shape, [&] { return static_cast<float>(integer(random)); });
}

/// Convolutions with odd geometry, and linear layers.
inline std::vector<ConvShape> odd_shapes() {
  return {
      {.batch = 2,
       .inputs = 3,
       .outputs = 5,
       .in_size = {7, 9},
       .kernel = {3, 3},
       .padding = {1, 1}},
      {.batch = 1,
       .inputs = 4,
       .outputs = 6,
       .in_size = {9, 8},
       .kernel = {3, 2},
       .stride = {2, 2},
       .padding = {1, 0}},
      {.batch = 3,
       .inputs = 4,
       .outputs = 8,
       .in_size = {11, 7},
       .kernel = {3, 3},
       .padding = {2, 2},
       .dilation = {2, 2},
       .groups = 2},
      {.batch = 2,
       .inputs = 6,
       .outputs = 6,
       .in_size = {5, 6},
       .kernel = {3, 3},
       .stride = {1, 2},
       .padding = {0, 1},
       .groups = 6},
      {.batch = 2,
       .inputs = 8,
       .outputs = 12,
       .in_size = {6, 6},
       .kernel = {1, 1},
       .stride = {2, 2}},
      {.batch = 1,
       .inputs = 2,
       .outputs = 3,
       .in_size = {10, 5},
       .kernel = {1, 4},
       .stride = {3, 1},
       .padding = {0, 2},
       .dilation = {1, 2}},
      linear_shape(37, 19, 23),
      linear_shape(1, 5, 3),
  };
}

inline ReplayNumerics default_numerics() {
  return {.gradient_format = parse_format("e5m2"), .operand_format = parse_format("e4m3fn")};
}

/// A random layer shape, small enough for many runs.
inline ConvShape random_shape(std::mt19937_64& random) {
  const auto draw = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  if (draw(0, 3) == 0) return linear_shape(draw(1, 90), draw(1, 70), draw(1, 70));
  const std::int64_t groups = draw(1, 3);
  ConvShape shape{.batch = draw(1, 3),
                  .inputs = groups * draw(1, 8),
                  .outputs = groups * draw(1, 12),
                  .in_size = {draw(5, 12), draw(5, 12)},
                  .kernel = {draw(1, 3), draw(1, 3)},
                  .stride = {draw(1, 2), draw(1, 2)},
                  .padding = {draw(0, 1), draw(0, 1)},
                  .groups = groups};
  return shape;
}

/// A random machine with buffers small enough to force chunks and refetching now and then.
inline DatapathConfig random_config(std::mt19937_64& random) {
  const auto draw = [&](std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
  };
  DatapathConfig config;
  config.array_rows = draw(1, 20);
  config.array_columns = 16 * draw(1, 2);
  config.lanes = draw(1, 24);
  config.burst_beats = draw(1, 20);
  config.fifo_depth = draw(1, 4);
  config.dram_bytes_per_cycle = draw(1, 200);
  config.dram_burst_bytes = draw(16, 2048);
  config.gradient_buffer_bytes = draw(0, 1) == 0 ? 4096 : 65536;
  config.operand_buffer_bytes = draw(0, 1) == 0 ? 8192 : 1 << 20;
  config.accumulator_buffer_bytes = draw(0, 1) == 0 ? 256 : 1 << 20;
  const char* const dispatches[] = {"dense",        "row-skip:8", "row-skip:64",
                                    "tensordash",   "share:4",    "share:1:32",
                                    "share:3:16:4", "nm:2:4",     "two-sided"};
  config.dispatch = parse_dispatch(dispatches[draw(0, 8)]);
  config.mixes_rows = draw(0, 1) == 1;
  config.interleaves_k = draw(0, 1) == 1;
  return config;
}

inline constexpr GemmKind kBothKinds[] = {GemmKind::input_gradient, GemmKind::weight_gradient};

}  // namespace gradpath::test
