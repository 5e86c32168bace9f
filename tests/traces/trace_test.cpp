#include "traces/trace.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/traces/support.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A trace of zeros with these tensors and this `layers` text.
class TraceFile {
 public:
  TraceFile(const std::vector<TensorDeclaration>& tensors,
            const std::map<std::string, std::string>& metadata)
      : path_(folder_.file("trace.safetensors")) {
    SafetensorsWriter writer(path_, tensors, metadata);
    std::uint64_t bytes = 0;
    for (const TensorDeclaration& tensor : tensors) bytes += tensor.bytes();
    writer.append(std::span<const std::byte>(std::vector<std::byte>(bytes)));
    writer.commit();
  }
  TraceFile(const std::vector<TensorDeclaration>& tensors, const std::string& layers)
      : TraceFile(tensors, std::map<std::string, std::string>{{"layers", layers}}) {}

  const std::string& path() const { return path_; }
  std::string error() const {
    return user_error([&] { (void)Trace(path_).layer_steps(); });
  }

 private:
  TemporaryFolder folder_;
  std::string path_;
};

using Shape = std::vector<std::int64_t>;

std::vector<TensorDeclaration> one_layer(const Shape& grad_output, const Shape& input,
                                         const Shape& weight) {
  return {{"step0/l/grad_output", DType::F32, grad_output},
          {"step0/l/input", DType::F32, input},
          {"step0/l/weight", DType::F32, weight}};
}

TEST(TraceName, SplitsStepLayerAndPart) {
  const auto name = parse_trace_name("step120/layer1.0.conv2/grad_output");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->step, 120);
  EXPECT_EQ(name->layer, "layer1.0.conv2");
  EXPECT_EQ(name->part, "grad_output");
  EXPECT_EQ(parse_trace_name("step0/a/b/input")->layer, "a/b");
}

TEST(TraceName, LeavesOrdinaryTensorsAlone) {
  for (const char* name :
       {"", "weight", "step", "step/l/input", "step0/input", "step0//input", "stepx/l/input",
        "step-1/l/input", "step+1/l/input", "step01/l/input", "step0/l/bias", "Step0/l/input",
        "step0/l/input ", "step99999999999999999999/l/input", "step 0/l/input", "step0x/l/input"}) {
    EXPECT_FALSE(parse_trace_name(name).has_value()) << name;
  }
}

TEST(Trace, FindsLayersByStepThenInTheOrderOfLayers) {
  const TraceFile file(
      {{"step10/b/grad_output", DType::F32, {2, 3}},
       {"step2/b/grad_output", DType::F32, {2, 3}},
       {"step2/b/input", DType::F32, {2, 5}},
       {"step2/b/weight", DType::F32, {3, 5}},
       {"step2/a/grad_output", DType::BF16, {1, 4, 7, 7}},
       {"step2/a/weight", DType::F16, {4, 2, 3, 3}},
       {"step2/a/bias", DType::F32, {4}},
       {"step3/a/weight", DType::F16, {4, 2, 3, 3}}},
      R"({"b":{"op":"linear"},"a":{"op":"conv2d","stride":2,"groups":2,"name":"x"},"c":{"op":"linear"}})");
  const Trace trace(file.path());
  const std::vector<LayerStep> steps = trace.layer_steps();
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].step, 2);
  EXPECT_EQ(steps[0].layer, "b");
  EXPECT_EQ(steps[0].geometry.op, LayerGeometry::Op::linear);
  EXPECT_EQ(steps[0].input, trace.file().find("step2/b/input"));
  EXPECT_EQ(steps[0].weight, trace.file().find("step2/b/weight"));
  EXPECT_EQ(steps[1].layer, "a");
  EXPECT_EQ(steps[1].geometry,
            (LayerGeometry{LayerGeometry::Op::conv2d, {2, 2}, {0, 0}, {1, 1}, 2}));
  EXPECT_EQ(steps[1].input, nullptr);
  EXPECT_EQ(steps[2].step, 10);
}

TEST(Trace, WithoutLayersSaysWhatToAdd) {
  const TraceFile file({{"step0/l/grad_output", DType::F32, {2, 3}}},
                       std::map<std::string, std::string>{{"model", "m"}});
  EXPECT_EQ(Trace(file.path()).tensors().size(), 1u);
  EXPECT_THAT(file.error(), AllOf(HasSubstr(file.path()), HasSubstr("no 'layers'"),
                                  HasSubstr(R"("op":"conv2d")"), HasSubstr("add")));
}

TEST(Trace, NamesALayerThatLayersLacks) {
  const TraceFile file({{"step0/l/grad_output", DType::F32, {2, 3}}}, R"({"m":{"op":"linear"}})");
  EXPECT_THAT(file.error(), AllOf(HasSubstr("'step0/l/grad_output'"), HasSubstr("no layer 'l'")));
}

// Output sizes as PyTorch's Conv2d gives them for these arguments, computed by hand.
struct Convolution {
  const char* name;
  const char* geometry;
  Shape grad_output, input, weight;
};

class FittingConvolution : public ::testing::TestWithParam<Convolution> {};

TEST_P(FittingConvolution, IsAccepted) {
  const auto& [name, geometry, grad_output, input, weight] = GetParam();
  const TraceFile file(one_layer(grad_output, input, weight),
                       R"({"l":{"op":"conv2d")" + std::string(geometry) + "}}");
  EXPECT_EQ(Trace(file.path()).layer_steps().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Each, FittingConvolution,
    ::testing::Values(
        Convolution{"Defaults", "", {2, 4, 6, 5}, {2, 3, 8, 7}, {4, 3, 3, 3}},
        Convolution{"Same", R"(,"padding":[1,1])", {2, 4, 8, 7}, {2, 3, 8, 7}, {4, 3, 3, 3}},
        Convolution{"StrideRoundsDown",
                    R"(,"stride":2,"padding":1)",
                    {1, 4, 4, 4},
                    {1, 3, 8, 7},
                    {4, 3, 3, 3}},
        Convolution{"ImageNetStem",
                    R"(,"stride":[2,2],"padding":[3,3])",
                    {1, 64, 112, 112},
                    {1, 3, 224, 224},
                    {64, 3, 7, 7}},
        Convolution{"Dilation", R"(,"dilation":[2,3])", {1, 4, 4, 1}, {1, 3, 8, 7}, {4, 3, 3, 3}},
        Convolution{
            "Depthwise", R"(,"groups":6,"padding":1)", {1, 6, 8, 8}, {1, 6, 8, 8}, {6, 1, 3, 3}},
        Convolution{"NotSquare",
                    R"(,"stride":[1,2],"padding":[0,1])",
                    {1, 4, 8, 4},
                    {1, 3, 8, 7},
                    {4, 3, 1, 3}}),
    [](const auto& test) { return std::string(test.param.name); });

struct Misfit {
  const char* name;
  const char* geometry;
  Shape grad_output, input, weight;
  const char* expected;
};

class MisfittingLayer : public ::testing::TestWithParam<Misfit> {};

TEST_P(MisfittingLayer, IsRefusedNamingTheTensor) {
  const auto& [name, geometry, grad_output, input, weight, expected] = GetParam();
  const TraceFile file(one_layer(grad_output, input, weight),
                       R"({"l":{"op":)" + std::string(geometry) + "}}");
  EXPECT_THAT(file.error(),
              AllOf(HasSubstr(file.path()), HasSubstr("'step0/l/"), HasSubstr(expected)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, MisfittingLayer,
    ::testing::Values(
        Misfit{"HeightOffByOne",
               R"("conv2d")",
               {2, 4, 7, 5},
               {2, 3, 8, 7},
               {4, 3, 3, 3},
               "height is 7, expected 6 from input 8, kernel 3, stride 1, padding 0, dilation 1"},
        Misfit{"WidthOffByOne",
               R"("conv2d")",
               {2, 4, 6, 6},
               {2, 3, 8, 7},
               {4, 3, 3, 3},
               "width is 6, expected 5"},
        Misfit{"WrongPadding",
               R"("conv2d","padding":1)",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 3, 3, 3},
               "height is 6, expected 8"},
        Misfit{"KernelLargerThanInput",
               R"("conv2d")",
               {2, 4, 1, 1},
               {2, 3, 2, 2},
               {4, 3, 3, 3},
               "height is 1, expected 0"},
        Misfit{"OtherBatch",
               R"("conv2d")",
               {2, 4, 6, 5},
               {3, 3, 8, 7},
               {4, 3, 3, 3},
               "expected 2 at dimension 0, the batch of grad_output"},
        Misfit{"OtherOutputs",
               R"("conv2d")",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {5, 3, 3, 3},
               "expected 4 at dimension 0, the channels of grad_output"},
        Misfit{"OtherInputs",
               R"("conv2d")",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 2, 3, 3},
               "expected 3 at dimension 1, the channels of input / groups"},
        Misfit{"GroupsForgotten",
               R"("conv2d","padding":1)",
               {1, 6, 8, 8},
               {1, 6, 8, 8},
               {6, 1, 3, 3},
               "expected 6 at dimension 1"},
        Misfit{"GroupsDoNotDivideOutputs",
               R"("conv2d","groups":3)",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 1, 3, 3},
               "4 channels, which the layer's 3 groups do not divide"},
        Misfit{"GroupsDoNotDivideInputs",
               R"("conv2d","groups":2)",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 1, 3, 3},
               "3 channels, which the layer's 2 groups do not divide"},
        Misfit{"GradientOfThreeDimensions",
               R"("conv2d")",
               {4, 6, 5},
               {2, 3, 8, 7},
               {4, 3, 3, 3},
               "shape is [4, 6, 5], expected [batch, channels, height, width]"},
        Misfit{"InputOfTwoDimensions",
               R"("conv2d")",
               {2, 4, 6, 5},
               {2, 3},
               {4, 3, 3, 3},
               "shape is [2, 3], expected [batch"},
        Misfit{"WeightOfTwoDimensions",
               R"("conv2d")",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 3},
               "shape is [4, 3], expected [outputs"},
        Misfit{"EmptyKernel",
               R"("conv2d")",
               {2, 4, 6, 5},
               {2, 3, 8, 7},
               {4, 3, 0, 3},
               "kernel of at least 1 x 1"},
        Misfit{"LinearOtherOutputs",
               R"("linear")",
               {2, 3},
               {2, 5},
               {4, 5},
               "expected 3 at dimension 0, the features of grad_output"},
        Misfit{"LinearOtherInputs",
               R"("linear")",
               {2, 3},
               {2, 5},
               {3, 6},
               "expected 5 at dimension 1, the features of input"},
        Misfit{"LinearOtherBatch",
               R"("linear")",
               {2, 7, 3},
               {2, 8, 5},
               {3, 5},
               "expected the leading dimensions of grad_output's [2, 7, 3]"},
        Misfit{"LinearOtherRank", R"("linear")", {2, 7, 3}, {14, 5}, {3, 5}, "leading dimensions"},
        Misfit{"LinearScalar", R"("linear")", {}, {}, {3, 5}, "is a scalar"},
        Misfit{"LinearWeightOfOneDimension",
               R"("linear")",
               {2, 3},
               {2, 5},
               {3},
               "expected [outputs, inputs]"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Trace, RefusesTypesThatAreNoFloats) {
  const TraceFile file(
      {{"step0/l/grad_output", DType::F32, {2, 3}}, {"step0/l/input", DType::U8, {2, 5}}},
      R"({"l":{"op":"linear"}})");
  EXPECT_THAT(file.error(), AllOf(HasSubstr("'step0/l/input'"), HasSubstr("dtype is U8")));
}

struct BadLayers {
  const char* name;
  std::string_view json;
  const char* expected;
};

class MalformedLayers : public ::testing::TestWithParam<BadLayers> {};

TEST_P(MalformedLayers, AreRefusedNamingFileLayerAndField) {
  EXPECT_THAT(
      user_error([&] { (void)parse_layers("f.safetensors", GetParam().json); }),
      AllOf(HasSubstr("f.safetensors"), HasSubstr("'layers'"), HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, MalformedLayers,
    ::testing::Values(
        BadLayers{"Empty", "", "not valid JSON"},
        BadLayers{"NotJson", "{'a'}", "not valid JSON at byte 2"},
        BadLayers{"TextAfterNul", std::string_view("{}\0x", 4), "not valid JSON at byte 3"},
        BadLayers{"Array", "[]", "is array, expected a JSON object"},
        BadLayers{"LayerIsString", R"({"a":"conv2d"})", "'a' is string, expected an object"},
        BadLayers{"LayerTwice", R"({"a":{"op":"linear"},"a":{"op":"linear"}})", "key 'a' twice"},
        BadLayers{"FieldTwice", R"({"a":{"op":"linear","op":"conv2d"}})", "key 'op' twice"},
        BadLayers{"NoOp", R"({"a":{"stride":1}})", R"('a' has no "op")"},
        BadLayers{"UnknownOp", R"({"a":{"op":"conv1d"}})", R"("op" is '"conv1d"')"},
        BadLayers{"OpIsNumber", R"({"a":{"op":2}})", R"("op" is '2')"},
        BadLayers{"StrideZero", R"({"a":{"op":"conv2d","stride":[1,0]}})",
                  R"("stride" is '0', expected an integer from 1)"},
        BadLayers{"StrideNegative", R"({"a":{"op":"conv2d","stride":-1}})", R"("stride" is '-1')"},
        BadLayers{"StrideString", R"({"a":{"op":"conv2d","stride":"1"}})", R"("stride" is '"1"')"},
        BadLayers{"StrideFloat", R"({"a":{"op":"conv2d","stride":1.0}})", R"("stride" is '1.0')"},
        BadLayers{"StrideNull", R"({"a":{"op":"conv2d","stride":null}})", R"("stride" is 'null')"},
        BadLayers{"StrideThree", R"({"a":{"op":"conv2d","stride":[1,1,1]}})", "[height, width]"},
        BadLayers{"StrideNested", R"({"a":{"op":"conv2d","stride":[[1],1]}})",
                  R"("stride" is '[1]')"},
        BadLayers{"StrideHuge", R"({"a":{"op":"conv2d","stride":18446744073709551615}})",
                  R"("stride" is '18446744073709551615')"},
        BadLayers{"PaddingNegative", R"({"a":{"op":"conv2d","padding":[-1,0]}})",
                  R"("padding" is '-1', expected an integer from 0)"},
        BadLayers{"PaddingSame", R"({"a":{"op":"conv2d","padding":"same"}})", R"("padding" is)"},
        BadLayers{"DilationZero", R"({"a":{"op":"conv2d","dilation":0}})", R"("dilation" is '0')"},
        BadLayers{"GroupsZero", R"({"a":{"op":"conv2d","groups":0}})", R"("groups" is '0')"},
        BadLayers{"GroupsPair", R"({"a":{"op":"conv2d","groups":[1,1]}})",
                  R"("groups" is '[1,1]')"},
        BadLayers{"Deep",
                  R"({"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]})",
                  "nests deeper"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Layers, RoundTripThroughJsonInOrder) {
  const std::vector<NamedGeometry> layers = {
      {"z", {LayerGeometry::Op::conv2d, {2, 1}, {3, 0}, {1, 2}, 4}},
      {"a", {}},
      {"t", {LayerGeometry::Op::conv_transpose2d, {2, 2}}},
  };
  const std::vector<NamedGeometry> read = parse_layers("f", layers_json(layers));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].layer, "z");
  EXPECT_EQ(read[0].geometry, layers[0].geometry);
  EXPECT_EQ(read[1].layer, "a");
  EXPECT_EQ(read[1].geometry, layers[1].geometry);
  EXPECT_EQ(read[2].geometry, layers[2].geometry);
}

}  // namespace
}  // namespace gradpath::test
