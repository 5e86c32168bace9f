// The values that leave the datapath: against direct convolution gradients, and against the plain
// triple loop on whole tensors.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/error.hpp"
#include "sim/datapath/replay/product_error.hpp"
#include "sim/datapath/replay/reference.hpp"
#include "tests/sim/datapath/random_layer.hpp"

namespace gradpath::test {
namespace {

/// The gradients straight from the definition of the convolution, in double.
struct DirectGradients {
  std::vector<double> input;
  std::vector<double> weight;
};

DirectGradients direct_gradients(const Layer& layer) {
  const ConvShape& s = layer.shape;
  DirectGradients result{std::vector<double>(layer.input.size()),
                         std::vector<double>(layer.weight.size())};
  const std::int64_t height =
      (s.in_size[0] + 2 * s.padding[0] - s.dilation[0] * (s.kernel[0] - 1) - 1) / s.stride[0] + 1;
  const std::int64_t width =
      (s.in_size[1] + 2 * s.padding[1] - s.dilation[1] * (s.kernel[1] - 1) - 1) / s.stride[1] + 1;
  const std::int64_t outs = s.outputs / s.groups;
  const std::int64_t ins = s.inputs / s.groups;
  for (std::int64_t b = 0; b < s.batch; ++b) {
    for (std::int64_t o = 0; o < s.outputs; ++o) {
      for (std::int64_t y = 0; y < height; ++y) {
        for (std::int64_t x = 0; x < width; ++x) {
          const double g = layer.gradient[static_cast<std::size_t>(
              ((b * s.outputs + o) * height + y) * width + x)];
          for (std::int64_t c = 0; c < ins; ++c) {
            for (std::int64_t i = 0; i < s.kernel[0]; ++i) {
              for (std::int64_t j = 0; j < s.kernel[1]; ++j) {
                const std::int64_t iy = y * s.stride[0] - s.padding[0] + i * s.dilation[0];
                const std::int64_t ix = x * s.stride[1] - s.padding[1] + j * s.dilation[1];
                if (iy < 0 || ix < 0 || iy >= s.in_size[0] || ix >= s.in_size[1]) continue;
                const auto in = static_cast<std::size_t>(
                    ((b * s.inputs + o / outs * ins + c) * s.in_size[0] + iy) * s.in_size[1] + ix);
                const auto w =
                    static_cast<std::size_t>(((o * ins + c) * s.kernel[0] + i) * s.kernel[1] + j);
                result.input[in] += g * layer.weight[w];
                result.weight[w] += g * layer.input[in];
              }
            }
          }
        }
      }
    }
  }
  return result;
}

class OddShapes : public testing::TestWithParam<std::size_t> {};

TEST_P(OddShapes, GradientsOfIntegersEqualTheDirectConvolutionGradient) {
  std::mt19937_64 random(test_seed());
  const Layer layer = integer_layer(odd_shapes()[GetParam()], random);
  const DirectGradients direct = direct_gradients(layer);
  Datapath datapath(DatapathConfig{.array_rows = 4, .array_columns = 8});
  const auto dx =
      replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);
  const auto dw =
      replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::weight_gradient);
  ASSERT_EQ(dx.result.size(), direct.input.size());
  ASSERT_EQ(dw.result.size(), direct.weight.size());
  for (std::size_t i = 0; i < direct.input.size(); ++i) {
    ASSERT_EQ(dx.result[i], direct.input[i]) << "dX element " << i << ", " << seed_note();
  }
  for (std::size_t i = 0; i < direct.weight.size(); ++i) {
    ASSERT_EQ(dw.result[i], direct.weight[i]) << "dW element " << i << ", " << seed_note();
  }
}

TEST_P(OddShapes, ReplayedValuesEqualThePlainLoopBitForBit) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(odd_shapes()[GetParam()], random);
  ReplayNumerics numerics = default_numerics();
  for (const char* rounding : {"rne", "sr:12"}) {
    numerics.gradient_cast.rounding = parse_rounding(rounding);
    for (const RandomSource source : {RandomSource::counter, RandomSource::lanes}) {
      numerics.random = source;
      const DatapathConfig config{.array_rows = 5,
                                  .array_columns = 16,
                                  .lanes = 7,
                                  .burst_beats = 3,
                                  .gradient_buffer_bytes = 800};
      Datapath datapath(config);
      for (const GemmKind kind : kBothKinds) {
        const LayerTensors tensors = layer.tensors(3e-4f);
        const GemmReport report = replay_gemm(datapath, numerics, tensors, kind);
        const auto expected = reference_gemm(config, numerics, tensors, kind);
        EXPECT_EQ(count_mismatches(report.result, expected), 0u)
            << gemm_name(kind) << ' ' << rounding << ' ' << random_source_name(source) << ", "
            << seed_note();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Datapath, OddShapes, testing::Range(std::size_t{0}, odd_shapes().size()));

TEST(DatapathValues, DoNotDependOnTheMachine) {
  std::mt19937_64 random(test_seed());
  for (int trial = 0; trial < 6; ++trial) {
    const Layer layer = lognormal_layer(random_shape(random), random);
    ReplayNumerics numerics = default_numerics();
    numerics.gradient_cast.rounding = parse_rounding("sr");
    for (const GemmKind kind : kBothKinds) {
      Datapath first(DatapathConfig{});
      const auto expected = replay_gemm(first, numerics, layer.tensors(5e-4f), kind);
      for (int machine = 0; machine < 4; ++machine) {
        Datapath other(random_config(random));
        const auto report = replay_gemm(other, numerics, layer.tensors(5e-4f), kind);
        EXPECT_EQ(count_mismatches(report.result, expected.result), 0u) << seed_note();
        EXPECT_EQ(report.density, expected.density) << seed_note();
      }
    }
  }
}

TEST(DatapathValues, PrunedZerosHideInfinitiesAndOthersCarryThem) {
  Layer layer = make_layer(linear_shape(2, 1, 2), [] { return 1.0f; });
  layer.gradient = {0.0f, 1.0f, 1.0f, 1.0f};  // position 0 has a zero against output 0
  layer.weight = {INFINITY, 2.0f};
  ReplayNumerics numerics = default_numerics();
  numerics.operand_format = parse_format("e5m2");
  numerics.operand_scale = {};
  Datapath datapath(DatapathConfig{});
  const auto report = replay_gemm(datapath, numerics, layer.tensors(), GemmKind::input_gradient);
  EXPECT_EQ(report.result[0], 2.0f);
  EXPECT_EQ(report.result[1], INFINITY);
}

TEST(DatapathValues, NanWithoutACodeIsAUserErrorThatNamesTheElement) {
  Layer layer = make_layer(linear_shape(4, 4, 4), [] { return 1.0f; });
  layer.gradient[5] = NAN;
  ReplayNumerics numerics = default_numerics();
  numerics.gradient_format = parse_format("e3m2fn");
  Datapath datapath(DatapathConfig{});
  for (const GemmKind kind : kBothKinds) {
    try {
      static_cast<void>(replay_gemm(datapath, numerics, layer.tensors(), kind));
      FAIL() << "no error";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("element 5 is NaN"));
    }
  }
  numerics.gradient_cast.nan = NanPolicy::zero;
  const auto report = replay_gemm(datapath, numerics, layer.tensors(), kBothKinds[0]);
  EXPECT_EQ(report.result[4], 3.0f);  // position 1 has three ones and a zero
}

TEST(DatapathValues, MissingOperandIsRefused) {
  Layer layer = make_layer(linear_shape(4, 4, 4), [] { return 1.0f; });
  layer.weight.clear();
  Datapath datapath(DatapathConfig{});
  EXPECT_THROW(static_cast<void>(replay_gemm(datapath, default_numerics(), layer.tensors(),
                                             GemmKind::input_gradient)),
               std::invalid_argument);
}

/// D* by its definition, one window after the other.
std::vector<double> exact_product(const Layer& layer, GemmKind kind) {
  const ConvShape& s = layer.shape;
  const bool is_dx = kind == GemmKind::input_gradient;
  std::vector<double> d(static_cast<std::size_t>(is_dx ? s.input_elements() : s.weight_elements()));
  const std::int64_t inputs = s.inputs / s.groups;
  const std::int64_t outputs = s.outputs / s.groups;
  const auto out = [&](int axis) {
    return (s.in_size[static_cast<std::size_t>(axis)] +
            2 * s.padding[static_cast<std::size_t>(axis)] -
            s.dilation[static_cast<std::size_t>(axis)] *
                (s.kernel[static_cast<std::size_t>(axis)] - 1) -
            1) /
               s.stride[static_cast<std::size_t>(axis)] +
           1;
  };
  for (std::int64_t b = 0; b < s.batch; ++b) {
    for (std::int64_t o = 0; o < s.outputs; ++o) {
      for (std::int64_t y = 0; y < out(0); ++y) {
        for (std::int64_t x = 0; x < out(1); ++x) {
          const double g = layer.gradient[static_cast<std::size_t>(
              ((b * s.outputs + o) * out(0) + y) * out(1) + x)];
          for (std::int64_t c = 0; c < inputs; ++c) {
            for (std::int64_t i = 0; i < s.kernel[0]; ++i) {
              for (std::int64_t j = 0; j < s.kernel[1]; ++j) {
                const std::int64_t row = y * s.stride[0] + i * s.dilation[0] - s.padding[0];
                const std::int64_t column = x * s.stride[1] + j * s.dilation[1] - s.padding[1];
                if (row < 0 || row >= s.in_size[0] || column < 0 || column >= s.in_size[1])
                  continue;
                const std::int64_t channel = o / outputs * inputs + c;
                const auto in = static_cast<std::size_t>(
                    ((b * s.inputs + channel) * s.in_size[0] + row) * s.in_size[1] + column);
                const auto w = static_cast<std::size_t>(
                    ((o * inputs + c) * s.kernel[0] + i) * s.kernel[1] + j);
                if (is_dx) {
                  d[in] += g * double{layer.weight[w]};
                } else {
                  d[w] += g * double{layer.input[in]};
                }
              }
            }
          }
        }
      }
    }
  }
  return d;
}

TEST(ProductError, IsTheDistanceFromTheDefinitionInDouble) {
  std::mt19937_64 random(test_seed());
  for (const ConvShape& shape : odd_shapes()) {
    const Layer layer = lognormal_layer(shape, random);
    for (const GemmKind kind : kBothKinds) {
      const std::vector<double> exact = exact_product(layer, kind);
      std::vector<float> result(exact.size());
      std::normal_distribution<float> noise(1.0f, 0.1f);
      double error = 0, squares = 0, own = 0, cross = 0;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        result[i] = static_cast<float>(exact[i]) * noise(random);
        error += (double{result[i]} - exact[i]) * (double{result[i]} - exact[i]);
        squares += exact[i] * exact[i];
        own += double{result[i]} * double{result[i]};
        cross += double{result[i]} * exact[i];
      }
      const ProductError found = product_error(layer.tensors(), kind, result);
      EXPECT_NEAR(found.relative(), std::sqrt(error / squares), 1e-9) << seed_note();
      EXPECT_NEAR(found.cosine(), cross / std::sqrt(squares * own), 1e-12) << seed_note();
    }
  }
}

}  // namespace
}  // namespace gradpath::test
