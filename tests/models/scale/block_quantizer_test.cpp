#include "models/scale/block_quantizer.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/scale/scale.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Floats = std::vector<float>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Result {
  Bytes scales;
  Bytes codes;
  Floats values;
};

Quantizer make_quantizer(const char* format, const char* rounding = "rne") {
  return {parse_format(format), {.rounding = parse_rounding(rounding), .nan = NanPolicy::zero}};
}

float amax_of(std::span<const float> in) {
  float largest = 0;
  for (const float x : in) {
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  }
  return largest;
}

Result cast_whole(const Quantizer& quantizer, const BlockScaling& scaling,
                  const BlockLayout& layout, std::span<const float> in) {
  const BlockQuantizer blocks(quantizer, scaling, layout, amax_of(in));
  Result result{Bytes(layout.blocks()), Bytes(in.size()), Floats(in.size())};
  const GroupRange all{0, layout.groups()};
  const CounterRandom random(Seed{7});
  blocks.quantize_to_values(in, all, result.scales, result.values, random);
  blocks.quantize_to_codes<std::uint8_t>(in, all, result.scales, result.codes, random);
  return result;
}

Result cast_row(const char* format, ScaleRule rule, const Floats& in, std::uint64_t block = 32) {
  const Quantizer quantizer = make_quantizer(format);
  const std::int64_t shape[] = {static_cast<std::int64_t>(in.size())};
  return cast_whole(quantizer, {.block = block, .rule = rule}, block_layout(shape, 0, block), in);
}

int exponent_of(const char* format, ScaleRule rule, float amax) {
  return cast_row(format, rule, {0.0f, -amax, amax / 8}).scales[0] - 127;
}

void expect_same_bits(const Floats& found, const Floats& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(expected[i]))
        << "element " << i << ": " << found[i] << ", expected " << expected[i];
  }
}

// OCP MX v1.0, 6.3, by hand: X = 2^(floor(log2 amax) - emax), elements rounded, above the largest
// finite clamped. 7 = 1.75 * 2^2 and e2m1 has emax 2: X = 1.
TEST(BlockQuantizer, Mxfp4ByHand) {
  const Result result = cast_row("e2m1fn", ScaleRule::floor, {7, 5, -3, 2.5f, 0.25f, -0.3f, 0, 1});
  EXPECT_EQ(result.scales, Bytes{127});
  EXPECT_EQ(result.values, (Floats{6, 4, -3, 2, 0, -0.5f, 0, 1}));
  EXPECT_EQ(result.codes, (Bytes{7, 6, 0xd, 4, 0, 9, 0, 2}));
}

// 1000 = 1.95 * 2^9, e4m3's emax is 8: X = 2; 500 is above 448, 3 / 2 = 1.5 is exact.
TEST(BlockQuantizer, Mxfp8ByHand) {
  const Result result = cast_row("e4m3fn", ScaleRule::floor, {1000, 3, -0.001f});
  EXPECT_EQ(result.scales, Bytes{128});
  EXPECT_EQ(result.values, (Floats{896, 3, -0.0f}));
  EXPECT_EQ(result.codes, (Bytes{0x7e, 0x3c, 0x80}));
}

// e2m1: largest finite 1.5 * 2^2, so 4 to 8 is one binade of amax with X = 1 or 2.
TEST(BlockQuantizer, RulesDifferWhereTheyShould) {
  struct Row {
    float amax;
    int round, ceil, even, fit;
  };
  for (const Row& row : {Row{4.0f, 0, 0, 0, 0}, Row{4.1f, 0, 1, 0, 0}, Row{5.65f, 0, 1, 0, 0},
                         Row{5.66f, 1, 1, 0, 0}, Row{6.0f, 1, 1, 0, 0}, Row{6.1f, 1, 1, 0, 1},
                         Row{6.9f, 1, 1, 0, 1}, Row{7.0f, 1, 1, 1, 1}, Row{7.9f, 1, 1, 1, 1}}) {
    EXPECT_EQ(exponent_of("e2m1fn", ScaleRule::floor, row.amax), 0) << row.amax;
    EXPECT_EQ(exponent_of("e2m1fn", ScaleRule::round, row.amax), row.round) << row.amax;
    EXPECT_EQ(exponent_of("e2m1fn", ScaleRule::ceil, row.amax), row.ceil) << row.amax;
    EXPECT_EQ(exponent_of("e2m1fn", ScaleRule::even, row.amax), row.even) << row.amax;
    EXPECT_EQ(exponent_of("e2m1fn", ScaleRule::fit, row.amax), row.fit) << row.amax;
  }
}

// The format of the values 0, 1, 2, 3. X = 4: 7 -> 8 (error 1), a one -> 0. X = 2: 7 -> 6 (1), a
// one is at the tie and goes to 0. X = 1: 7 -> 3 (16), the ones stay.
TEST(BlockQuantizer, LeastErrorMayCutTheLargest) {
  ASSERT_EQ(max_finite(parse_format("e1m1b0f")), 3.0);
  Floats in = {7, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(cast_row("e1m1b0f", ScaleRule::mse, in).scales, Bytes{129});  // 8, 8, 16: the largest X
  in.insert(in.end(), 10, 1.0f);
  EXPECT_EQ(cast_row("e1m1b0f", ScaleRule::mse, in).scales, Bytes{127});  // 18, 18, 16
  EXPECT_EQ(cast_row("e1m1b0f", ScaleRule::fit, in).scales, Bytes{129});
}

TEST(BlockQuantizer, ZerosInfinitiesAndNans) {
  const Result zeros = cast_row("e4m3fn", ScaleRule::floor, {0.0f, -0.0f, 0.0f});
  EXPECT_EQ(zeros.scales, Bytes{127});
  EXPECT_EQ(zeros.codes, (Bytes{0x00, 0x80, 0x00}));
  // The scale is that of the finite elements; e5m2 has infinities and NaNs of its own.
  const Result e5m2 = cast_row("e5m2", ScaleRule::floor, {kInfinity, 1.0f, kNan, -kInfinity});
  EXPECT_EQ(e5m2.scales, Bytes{127 - 15});
  EXPECT_EQ(e5m2.codes, (Bytes{0x7c, 0x78, 0x7e, 0xfc}));
  // e2m1 has neither: the largest finite, and what the NaN policy says.
  const Result e2m1 = cast_row("e2m1fn", ScaleRule::floor, {kInfinity, 1.0f, kNan, -kInfinity});
  EXPECT_EQ(e2m1.codes, (Bytes{0x7, 0x6, 0x0, 0xf}));
  EXPECT_EQ(cast_row("e5m2", ScaleRule::mse, {kInfinity, kNan}).scales, Bytes{127});
}

TEST(BlockQuantizer, SharedExponentIsKeptInE8m0) {
  EXPECT_EQ(exponent_of("e5m2", ScaleRule::floor, 0x1p-149f), -127);
  EXPECT_EQ(exponent_of("e5m2", ScaleRule::fit, 0x1p-120f), -127);
  EXPECT_EQ(exponent_of("e5m2", ScaleRule::floor, 3.4e38f), 127 - 15);
  EXPECT_EQ(exponent_of("e4m3b15", ScaleRule::floor, 0x1.8p127f), 127);  // emax is -1
}

TEST(BlockQuantizer, PartialBlocksAreBlocks) {
  const Result result = cast_row("e2m1fn", ScaleRule::floor, {4, 4, 4, 8, 8, 8, 16}, 3);
  EXPECT_EQ(result.scales, (Bytes{127, 128, 129}));
  EXPECT_EQ(result.values, (Floats{4, 4, 4, 8, 8, 8, 16}));
}

// Blocks of two along axis 0 of [3, 2]: columns {1, 4}, {2, 8}, then {16}, {32}.
TEST(BlockQuantizer, BlocksRunAlongTheAxis) {
  const Floats in = {1, 2, 4, 8, 16, 32};
  const std::int64_t shape[] = {3, 2};
  const Quantizer quantizer = make_quantizer("e2m1fn");
  const Result result = cast_whole(quantizer, {.block = 2}, block_layout(shape, 0, 2), in);
  EXPECT_EQ(result.scales, (Bytes{127, 128, 129, 130}));
  EXPECT_EQ(result.values, in);
  EXPECT_EQ(block_scale_shape(shape, 0, 2), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(block_scale_shape(shape, -1, 32), (std::vector<std::int64_t>{3, 1}));
  EXPECT_THROW(static_cast<void>(block_layout(shape, 2, 2)), UserError);
  EXPECT_THROW(static_cast<void>(block_layout(shape, -3, 2)), UserError);
}

// amax 6 * 448: tensor scale 1. Block 0 wants 448; block 1, amax 3, 0.5; block 2 far less than
// E4M3's smallest, 2^-9, which it gets, as does the block of zeros.
TEST(BlockQuantizer, Nvfp4ByHand) {
  const Quantizer quantizer = make_quantizer("e2m1fn");
  const BlockScaling scaling{.kind = BlockScaling::Kind::nvfp4, .block = 2};
  const std::int64_t shape[] = {8};
  const BlockLayout layout = block_layout(shape, 0, 2);
  const Floats in = {2688, -448, 3, 0.25f, 0x1p-30f, 0, 0, 0};
  const Result result = cast_whole(quantizer, scaling, layout, in);
  EXPECT_EQ(BlockQuantizer(quantizer, scaling, layout, 2688.0f).tensor_scale(), 1.0f);
  EXPECT_EQ(result.scales, (Bytes{0x7e, 0x30, 0x01, 0x01}));
  EXPECT_EQ(result.codes, (Bytes{7, 0xa, 7, 1, 0, 0, 0, 0}));
  EXPECT_FLOAT_EQ(result.values[0], 2688);
  EXPECT_EQ(result.values[2], 3.0f);
  EXPECT_THROW(BlockQuantizer(make_quantizer("bf16"), scaling, layout, 1.0f), UserError);
}

// docs/numerics.md, "Block scaling", in doubles: the largest finite is t 2^emax.
struct MxDefinition {
  double max_finite;
  int mantissa_bits;

  // The scale's exponent for an amax > 0, before it is kept in 0 .. 254.
  [[nodiscard]] int exponent(ScaleRule rule, double amax) const {
    const int emax = std::ilogb(max_finite);
    const int k = std::ilogb(amax);
    const double a = std::ldexp(amax, -k);
    const double t = std::ldexp(max_finite, -emax);
    bool doubles = false;
    if (rule == ScaleRule::round) doubles = a * a > 2;
    if (rule == ScaleRule::ceil) doubles = a > 1;
    if (rule == ScaleRule::even) doubles = a >= 2 - std::ldexp(1.0, -(mantissa_bits + 1));
    if (rule == ScaleRule::fit || rule == ScaleRule::mse) doubles = a > t;
    return k - emax + (doubles ? 1 : 0);
  }
};

// The stored scale of a block's finite elements, and what they are multiplied by.
struct ScaleDefinition {
  std::uint8_t code;
  float multiplier;
};

ScaleDefinition mx_scale(const Format& format, ScaleRule rule, const Floats& block) {
  const double amax = amax_of(block);
  const auto with_code = [](int code) {
    return ScaleDefinition{static_cast<std::uint8_t>(code),
                           static_cast<float>(std::ldexp(1.0, 127 - code))};
  };
  if (amax == 0) return with_code(127);
  const MxDefinition definition{max_finite(format), format.mantissa_bits};
  const int first = std::clamp(definition.exponent(rule, amax) + 127, 0, 254);
  if (rule != ScaleRule::mse) return with_code(first);
  // Far below, every element is cut to nothing: forty octaves are enough to look at.
  int best = first;
  double least = std::numeric_limits<double>::infinity();
  for (int code = first; code >= std::max(first - 40, 0); --code) {
    double error = 0;
    for (const float x : block) {
      const float scaled = x * with_code(code).multiplier;
      const Code cast = encode(format, {.overflow = Overflow::saturate}, double{scaled});
      const auto value = static_cast<float>(decode(format, cast)) / with_code(code).multiplier;
      error += (double{value} - double{x}) * (double{value} - double{x});
    }
    if (error < least) {
      least = error;
      best = code;
    }
  }
  return with_code(best);
}

ScaleDefinition nvfp4_scale(const Format& format, float tensor_amax, const Floats& block) {
  const auto largest = static_cast<float>(max_finite(format));
  const float tensor =
      tensor_amax > 0 ? std::clamp(tensor_amax / (448.0f * largest), 0x1p-117f, 0x1p117f) : 1.0f;
  const Format e4m3 = parse_format("e4m3fn");
  const Code code = std::max<Code>(
      1, encode(e4m3, {.overflow = Overflow::saturate}, double{amax_of(block) / largest / tensor}));
  return {static_cast<std::uint8_t>(code),
          1.0f / (tensor * static_cast<float>(decode(e4m3, code)))};
}

// The block of every element, and the scale of every block, from the elements alone.
struct Definition {
  std::vector<std::uint64_t> blocks;
  Bytes scales;
  Floats multipliers;

  Definition(const Format& format, const BlockScaling& scaling, const BlockLayout& layout,
             const Floats& in) {
    std::vector<Floats> members(layout.blocks());
    for (std::uint64_t i = 0; i < in.size(); ++i) {
      const std::uint64_t position = i / layout.inner;
      const std::uint64_t group = position / layout.length * layout.groups_per_row() +
                                  position % layout.length / layout.block;
      blocks.push_back(group * layout.inner + i % layout.inner);
      if (std::isfinite(in[i])) members[blocks.back()].push_back(in[i]);
    }
    for (const Floats& block : members) {
      const ScaleDefinition scale = scaling.kind == BlockScaling::Kind::mx
                                        ? mx_scale(format, scaling.rule, block)
                                        : nvfp4_scale(format, amax_of(in), block);
      scales.push_back(scale.code);
      multipliers.push_back(scale.multiplier);
    }
  }
};

// What the class promises, element by element with the scalar definition of a cast.
void expect_definition(const Quantizer& quantizer, const Definition& definition, const Floats& in,
                       const Result& result) {
  EXPECT_EQ(result.scales, definition.scales);
  const double top = max_finite(quantizer.format());
  const CounterRandom random(Seed{7});
  Bytes codes(in.size());
  Floats values(in.size());
  for (std::uint64_t i = 0; i < in.size(); ++i) {
    const float multiplier = definition.multipliers[definition.blocks[i]];
    auto scaled = double{in[i] * multiplier};
    if (std::isfinite(in[i]) && std::abs(scaled) > top) scaled = std::copysign(top, scaled);
    const Code code = encode(quantizer.format(), quantizer.options(), scaled, random.word(i));
    codes[i] = static_cast<std::uint8_t>(code);
    values[i] = static_cast<float>(decode(quantizer.format(), code)) / multiplier;
  }
  EXPECT_EQ(result.codes, codes);
  expect_same_bits(result.values, values);
}

Floats with_rarities(Floats values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const float rare[] = {kInfinity, -kInfinity, kNan, 0x1p-149f, 3e38f};
  for (std::size_t i = 0; i < values.size() / 300; ++i) {
    values[random() % values.size()] = rare[random() % 5];
  }
  return values;
}

struct Shape {
  std::vector<std::int64_t> dimensions;
  int axis;
  std::uint64_t block;
};
const Shape kShapes[] = {{{10, 64}, -1, 32},   {{6000}, 0, 32},      {{7, 37}, 1, 16},
                         {{3, 5000}, 1, 4096}, {{40, 9}, 0, 32},     {{2, 70, 11}, 1, 8},
                         {{3, 5000}, 0, 2},    {{2, 3, 2100}, 1, 3}, {{9, 9}, 1, 1},
                         {{50, 32}, 1, 64},    {{130, 48}, 1, 16},   {{5, 1, 3}, 1, 4}};

TEST(BlockQuantizer, EqualsTheDefinitionOnEveryTarget) {
  const std::uint64_t seed = test_seed(301);
  for (const Shape& shape : kShapes) {
    const BlockLayout layout = block_layout(shape.dimensions, shape.axis, shape.block);
    for (const bool rare : {false, true}) {
      auto in = lognormal_tensor(seed, layout.numel(), -3, 3, 0.2);
      if (rare) in = with_rarities(std::move(in), seed);
      for (const auto& [format, rounding] :
           {std::pair{"e4m3fn", "sr"}, {"e2m1fn", "rne"}, {"e5m2", "rup"}}) {
        const Quantizer quantizer = make_quantizer(format, rounding);
        for (const BlockScaling& scaling :
             {BlockScaling{.block = shape.block},
              BlockScaling{.block = shape.block, .rule = ScaleRule::mse},
              BlockScaling{.kind = BlockScaling::Kind::nvfp4, .block = shape.block}}) {
          const Definition definition(quantizer.format(), scaling, layout, in);
          for (const auto target : hwy::SupportedAndGeneratedTargets()) {
            hwy::SetSupportedTargetsForTest(target);
            SCOPED_TRACE(::testing::Message()
                         << hwy::TargetName(target) << " " << format << " axis " << shape.axis
                         << " block " << shape.block << " of " << in.size());
            expect_definition(quantizer, definition, in,
                              cast_whole(quantizer, scaling, layout, in));
          }
          hwy::SetSupportedTargetsForTest(0);
        }
      }
    }
  }
}

// No elements, but blocks of none, as many as the other dimensions say.
TEST(BlockQuantizer, TensorsWithoutElementsHaveNothingToCast) {
  for (const auto& [shape, axis] :
       {std::pair{std::vector<std::int64_t>{4, 0}, 0}, {{4, 0}, 1}, {{0, 4}, 0}, {{0, 4}, 1}}) {
    for (const auto kind : {BlockScaling::Kind::mx, BlockScaling::Kind::nvfp4}) {
      const BlockScaling scaling{.kind = kind, .block = 2, .rule = ScaleRule::mse};
      const BlockLayout layout = block_layout(shape, axis, 2);
      const Quantizer quantizer = make_quantizer("e4m3fn");
      EXPECT_TRUE(cast_whole(quantizer, scaling, layout, {}).scales.empty());
      const BlockQuantizer blocks(quantizer, scaling, layout);
      const GroupRange all{0, layout.groups()};
      EXPECT_NO_THROW(blocks.find_scales({}, all, {}));
      EXPECT_NO_THROW(blocks.scale_elements({}, all, {}, {}));
      EXPECT_NO_THROW(blocks.to_values({}, all, {}, {}));
    }
  }
}

// From subnormal to the largest exponents, through every E8M0 code that occurs, rows of one block.
TEST(BlockQuantizer, EqualsTheDefinitionUnderEveryScale) {
  const std::uint64_t seed = test_seed(306);
  const auto base = lognormal_tensor(seed, 32, -1, 2);
  Floats in;
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (const float x : base) in.push_back(std::ldexp(x / amax_of(base), exponent));
  }
  const BlockLayout layout{.outer = in.size() / 32, .length = 32, .inner = 1, .block = 32};
  for (const char* format : {"e4m3fn", "e5m2", "e2m1fn", "e3m2fn", "e2m3fn", "e5m2b31", "e6m1b0"}) {
    const Quantizer quantizer = make_quantizer(format);
    for (const ScaleRule rule :
         {ScaleRule::floor, ScaleRule::round, ScaleRule::ceil, ScaleRule::even, ScaleRule::fit}) {
      SCOPED_TRACE(::testing::Message() << format << " " << scale_rule_name(rule));
      const BlockScaling scaling{.rule = rule};
      expect_definition(quantizer, Definition(quantizer.format(), scaling, layout, in), in,
                        cast_whole(quantizer, scaling, layout, in));
    }
  }
}

TEST(BlockQuantizer, ResultsDoNotDependOnHowATensorIsCut) {
  const std::uint64_t seed = test_seed(302);
  std::mt19937_64 random(seed);
  const CounterRandom words(Seed{7});
  for (const Shape& shape : kShapes) {
    const BlockLayout layout = block_layout(shape.dimensions, shape.axis, shape.block);
    const Floats in = with_rarities(lognormal_tensor(seed, layout.numel(), -3, 3, 0.2), seed);
    const Quantizer quantizer = make_quantizer("e4m3fn", "sr");
    const BlockScaling scaling{.block = shape.block};
    const Result whole = cast_whole(quantizer, scaling, layout, in);
    const BlockQuantizer blocks(quantizer, scaling, layout);
    Result pieces{Bytes(layout.blocks()), Bytes(in.size()), Floats(in.size())};
    for (std::uint64_t g = 0; g < layout.groups();) {
      const GroupRange groups{g, std::min(1 + random() % 5, layout.groups() - g)};
      const std::uint64_t begin = layout.group_begin(g);
      const std::uint64_t size = layout.group_begin(g + groups.count) - begin;
      const auto piece = std::span<const float>(in).subspan(begin, size);
      const auto scales =
          std::span(pieces.scales).subspan(g * layout.inner, groups.count * layout.inner);
      blocks.find_scales(piece, groups, scales);
      blocks.to_codes<std::uint8_t>(piece, groups, scales,
                                    std::span(pieces.codes).subspan(begin, size), words);
      blocks.to_values(piece, groups, scales, std::span(pieces.values).subspan(begin, size), words);
      g += groups.count;
    }
    EXPECT_EQ(pieces.scales, whole.scales);
    EXPECT_EQ(pieces.codes, whole.codes);
    expect_same_bits(pieces.values, whole.values);
  }
}

// Outputs that are written past the caches, at an address that is not aligned.
TEST(BlockQuantizer, LargeOutputsAreTheSame) {
  constexpr std::size_t kCount = (std::size_t{1} << 20) + 32 * 7;
  const auto in = lognormal_tensor(test_seed(303), kCount, -3, 3);
  const Quantizer quantizer = make_quantizer("e4m3fn");
  const std::int64_t shape[] = {static_cast<std::int64_t>(kCount)};
  const BlockLayout layout = block_layout(shape, 0, 32);
  const BlockQuantizer blocks(quantizer, {}, layout);
  Bytes scales(layout.blocks());
  Floats large(kCount + 1);
  Floats small(kCount);
  blocks.quantize_to_values(in, {0, layout.groups()}, scales, std::span(large).subspan(1));
  for (std::uint64_t g = 0; g < layout.groups(); g += 1000) {
    const GroupRange groups{g, std::min<std::uint64_t>(1000, layout.groups() - g)};
    const std::size_t size = groups.count * 32;
    blocks.to_values(std::span<const float>(in).subspan(g * 32, size), groups,
                     std::span<const std::uint8_t>(scales).subspan(g, groups.count),
                     std::span(small).subspan(g * 32, size));
  }
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin() + 1));
}

TEST(BlockQuantizer, PowersOfTwoMoveTheScaleAlone) {
  const auto in = lognormal_tensor(test_seed(304), 1000, 0, 2, 0.1);
  for (const ScaleRule rule : {ScaleRule::floor, ScaleRule::round, ScaleRule::ceil, ScaleRule::even,
                               ScaleRule::fit, ScaleRule::mse}) {
    const Result before = cast_row("e2m3fn", rule, in);
    Floats moved = in;
    for (float& x : moved) x *= 0x1p-9f;
    const Result after = cast_row("e2m3fn", rule, moved);
    EXPECT_EQ(after.codes, before.codes) << scale_rule_name(rule);
    for (std::size_t b = 0; b < before.scales.size(); ++b) {
      EXPECT_EQ(after.scales[b], before.scales[b] - 9) << scale_rule_name(rule);
    }
  }
}

TEST(BlockQuantizer, OneBlockThatFitsIsThePerTensorPowerOfTwo) {
  const auto in = lognormal_tensor(test_seed(305), 777, -5, 2);
  for (const char* format : {"e4m3fn", "e5m2", "e2m1fn"}) {
    const Result result = cast_row(format, ScaleRule::fit, in, in.size());
    const float scale =
        resolve_scale(parse_scale("amax-po2"), parse_format(format), {.amax = double{amax_of(in)}});
    EXPECT_EQ(std::ldexp(1.0f, 127 - result.scales[0]), scale);
    Bytes codes(in.size());
    make_quantizer(format).to_codes<std::uint8_t>(in, codes, scale);
    EXPECT_EQ(result.codes, codes);
  }
}

}  // namespace
}  // namespace gradpath
