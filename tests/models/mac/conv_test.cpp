// The lowering of convolutions, on small cases written out by hand.
#include "models/mac/conv.hpp"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "models/mac/operand.hpp"

namespace gradpath {
namespace {

ConvShape small() {
  return {.batch = 1,
          .inputs = 1,
          .outputs = 1,
          .in_size = {3, 3},
          .kernel = {2, 2},
          .stride = {2, 1},
          .padding = {1, 0}};
}

TEST(ConvShape, OutputSizesAreThoseOfPyTorch) {
  // torch.nn.functional.conv2d: 224 with kernel 7, stride 2, padding 3 gives 112.
  const ConvShape stem{.batch = 1,
                       .inputs = 3,
                       .outputs = 64,
                       .in_size = {224, 224},
                       .kernel = {7, 7},
                       .stride = {2, 2},
                       .padding = {3, 3}};
  EXPECT_EQ(stem.out_size(0), 112);
  EXPECT_EQ(stem.columns(), 147);
  EXPECT_EQ(stem.positions(), 12544);
  // 32 with kernel 3, dilation 2, no padding gives 28.
  const ConvShape dilated{.in_size = {32, 32}, .kernel = {3, 3}, .dilation = {2, 2}};
  EXPECT_EQ(dilated.out_size(1), 28);
}

TEST(Im2colRow, ReadsTheWindowAndZerosInThePadding) {
  std::vector<float> input(9);
  std::iota(input.begin(), input.end(), 1.0f);  // 1 2 3 / 4 5 6 / 7 8 9
  const ConvShape shape = small();
  ASSERT_EQ(shape.positions(), 4);
  std::vector<float> row(4);
  im2col_row(shape, 0, 0, input, row);
  EXPECT_EQ(row, (std::vector<float>{0, 0, 1, 2}));
  im2col_row(shape, 0, 3, input, row);
  EXPECT_EQ(row, (std::vector<float>{5, 6, 8, 9}));
}

TEST(Col2im, AddsEachColumnWhereItCameFrom) {
  std::vector<float> image(9, 0.0f);
  const ConvShape shape = small();
  col2im_add_row(shape, 0, 0, std::vector<float>{100, 200, 1, 2}, image);
  col2im_add_row(shape, 0, 1, std::vector<float>{100, 200, 30, 40}, image);
  EXPECT_EQ(image, (std::vector<float>{1, 32, 40, 0, 0, 0, 0, 0, 0}));
}

TEST(ConvShape, TouchedInputsLeaveOutWhatNoWindowReads) {
  const ConvShape strided{
      .batch = 2, .inputs = 3, .outputs = 1, .in_size = {5, 6}, .kernel = {1, 1}, .stride = {2, 2}};
  EXPECT_EQ(strided.touched_inputs_of_group(), 2 * 3 * 3 * 3);
  ConvShape all = strided;
  all.stride = {1, 1};
  EXPECT_EQ(all.touched_inputs_of_group(), all.input_elements());
}

TEST(ConvShape, GradientIndexFollowsTheLayoutOfImagesChannelsAndPixels) {
  const ConvShape shape{.batch = 2, .inputs = 2, .outputs = 4, .in_size = {2, 3}, .groups = 2};
  // image 1, group 1, its output 1 is channel 3, pixel 4: (1 * 4 + 3) * 6 + 4.
  EXPECT_EQ(shape.gradient_index(1, 6 + 4, 1), 46);
}

TEST(ImageOperand, GathersTheSameRowsWithAndWithoutItsCache) {
  const ConvShape shape{.batch = 2,
                        .inputs = 4,
                        .outputs = 2,
                        .in_size = {5, 4},
                        .kernel = {3, 2},
                        .padding = {1, 1},
                        .groups = 2};
  std::vector<float> input(static_cast<std::size_t>(shape.input_elements()));
  std::iota(input.begin(), input.end(), 1.0f);
  const ImageOperand cached(input, shape, 1);
  const ImageOperand gathered(input, shape, 1, 0);
  const auto columns = static_cast<std::size_t>(shape.columns());
  for (std::int64_t k = 0; k + 3 <= shape.positions(); k += 3) {
    std::vector<float> none;
    std::vector<float> scratch;
    const OperandRows a = cached.read(k, 3, none);
    const OperandRows b = gathered.read(k, 3, scratch);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(std::vector<float>(a.row(i), a.row(i) + columns),
                std::vector<float>(b.row(i), b.row(i) + columns))
          << k + static_cast<std::int64_t>(i);
    }
  }
}

TEST(ConvShape, ImpossibleShapesAreRefused) {
  EXPECT_NO_THROW(validate(small()));
  ConvShape shape = small();
  shape.kernel = {9, 9};
  EXPECT_THROW(validate(shape), std::invalid_argument);
  shape = small();
  shape.groups = 2;
  EXPECT_THROW(validate(shape), std::invalid_argument);
  shape = small();
  shape.stride = {0, 1};
  EXPECT_THROW(validate(shape), std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
