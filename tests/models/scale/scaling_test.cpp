#include "models/scale/scaling.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/scale/shift_squeeze.hpp"

namespace gradpath {
namespace {

using Floats = std::vector<float>;

TEST(Scaling, NamesReadBack) {
  for (const char* name : {"none", "0.25", "amax", "expected-max", "mean-log", "s2fp8",
                           "mx:32:floor", "mx:7:mse", "mx:1:round", "nvfp4:16", "delayed:16:0",
                           "delayed:3:2", "loss-scaling:32768:2000", "loss-scaling:0.5:1"}) {
    EXPECT_EQ(scaling_name(parse_scaling(name)), name);
  }
  EXPECT_EQ(scaling_name(parse_scaling("mx")), "mx:32:floor");
  EXPECT_EQ(scaling_name(parse_scaling("mx:16")), "mx:16:floor");
  EXPECT_EQ(scaling_name(parse_scaling("nvfp4")), "nvfp4:16");
  EXPECT_EQ(scaling_name(parse_scaling("delayed")), "delayed:16:0");
  EXPECT_EQ(scaling_name(parse_scaling("loss-scaling")), "loss-scaling:32768:2000");
}

TEST(Scaling, BadNamesAreRefused) {
  for (const char* name :
       {"", "max", "mx:", "mx:0", "mx:-1", "mx:32:up", "mx:32:floor:1", "nvfp4:16:floor", "nvfp4:x",
        "delayed:0", "delayed:4:65", "s2fp8:1", "mean-log:1", "loss-scaling:3", "loss-scaling:-2",
        "loss-scaling:32768:0", "amax:2", "mx 32"}) {
    EXPECT_THROW(static_cast<void>(parse_scaling(name)), UserError) << name;
  }
}

// e4m3fn's largest is 448; each scale is 448 over the largest of the steps looked back on.
TEST(History, DelayedScalesByHand) {
  const double amax[] = {7, 3.5, 14, 0, 0, 0, 1};
  EXPECT_EQ(delayed_scales({.history = 2}, parse_format("e4m3fn"), amax),
            (Floats{64, 64, 64, 32, 32, 1, 448}));
  EXPECT_EQ(delayed_scales({.history = 1, .margin = 1}, parse_format("e4m3fn"), amax),
            (Floats{32, 32, 64, 16, 1, 1, 224}));
}

// 8 * 64 is above 448, 4 * 64 is not; step 5 is not finite.
TEST(History, LossScalesByHand) {
  const LossScaleInput steps[] = {{8, true}, {4, true},  {4, true}, {4, true},
                                  {4, true}, {1, false}, {1, true}};
  const std::vector<LossScaleStep> expected = {{64, true},  {32, false}, {32, false}, {64, false},
                                               {64, false}, {128, true}, {64, false}};
  EXPECT_EQ(loss_scales({.start = 64, .interval = 2}, parse_format("e4m3fn"), steps), expected);
}

TEST(LogMoments, CountFiniteNonzerosAlone) {
  const float values[] = {4, -16, 0, -0.0f, INFINITY, NAN, 0x1p-149f};
  const LogMoments moments = log_moments(values);
  EXPECT_EQ(moments.nonzeros, 3u);
  EXPECT_EQ(moments.amax, 16.0);
  EXPECT_EQ(moments.sum_log2, 2 + 4 - 149);
  EXPECT_EQ(mean_log_scale({.nonzeros = 2, .sum_log2 = -21, .amax = 1}), 0x1p7f);  // 10.5 to even
  EXPECT_EQ(mean_log_scale({}), 1.0f);
}

// log2|x| from 0 to 8, mean 4: alpha = 15 / 4, beta = -15; 2^8 goes to 2^15, the mean to 1.
TEST(ShiftSqueeze, ByHand) {
  const float values[] = {1, -256, 16, 0};
  const ShiftSqueeze transform = shift_squeeze(parse_format("e5m2"), log_moments(values));
  EXPECT_EQ(transform, (ShiftSqueeze{.alpha = 3.75f, .beta = -15.0f}));
  Floats y(4);
  apply(transform, values, y);
  EXPECT_EQ(y, (Floats{0x1p-15f, -0x1p15f, 1, 0}));
  undo(transform, y, y);
  EXPECT_EQ(y, (Floats{1, -256, 16, 0}));
}

// emax is -1 and 0: alpha would swap or join magnitudes. 1 is enough.
TEST(ShiftSqueeze, AFormatWithoutABinadeAboveOneIsRefused) {
  const float values[] = {1, -256, 16, 0};
  for (const char* name : {"e4m3b15", "e2m1b3f"}) {
    EXPECT_THROW(static_cast<void>(shift_squeeze(parse_format(name), log_moments(values))),
                 UserError);
  }
  const ShiftSqueeze least = shift_squeeze(parse_format("e2m1b2f"), log_moments(values));
  EXPECT_EQ(least, (ShiftSqueeze{.alpha = 0.25f, .beta = -1.0f}));
}

TEST(ShiftSqueeze, OneMagnitudeIsShiftedToOne) {
  const float values[] = {8, -8};
  EXPECT_EQ(shift_squeeze(parse_format("e5m2"), log_moments(values)),
            (ShiftSqueeze{.alpha = 1.0f, .beta = -3.0f}));
  EXPECT_EQ(shift_squeeze(parse_format("e5m2"), {}), ShiftSqueeze{});
}

}  // namespace
}  // namespace gradpath
