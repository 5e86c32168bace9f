// The bulk product against the definition, bit for bit, on every vector target of the machine.
#include "models/mac/low_precision_gemm.hpp"

#include <bit>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/mac/dot.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

template <class Check>
void on_every_target(Check check) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    check(std::string("target ") + hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Codes of all kinds; infinities and NaNs a few times a thousand, where the format has them.
FormatMatrix random_matrix(const char* format_name, std::int64_t rows, std::int64_t columns,
                           std::mt19937_64& random) {
  FormatMatrix matrix{parse_format(format_name), rows, columns, {}};
  const Format& format = matrix.format;
  const Code last = format.max_finite_magnitude();
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    auto code = static_cast<Code>(random() % (last + 1));
    const auto kind = random() % 1000;
    if (kind < 200) code = 0;
    if (kind >= 200 && kind < 300) code %= std::min<Code>(last, Code{2} << format.mantissa_bits);
    if (kind == 999) code = format.magnitude_mask();
    if (random() % 2 == 0) code |= format.sign_mask();
    matrix.values.push_back(decode(format, code));
  }
  return matrix;
}

void expect_equal_to_definition(const Accumulator& accumulator, const FormatMatrix& a,
                                const FormatMatrix& b, const std::string& where) {
  const auto m = static_cast<std::size_t>(a.rows);
  const auto k = static_cast<std::size_t>(a.columns);
  const auto n = static_cast<std::size_t>(b.columns);
  std::vector<float> d(m * n, -1.0f);
  run_gemm(LowPrecisionGemm(accumulator, a, b), d);
  std::vector<double> column(k);
  for (std::size_t c = 0; c < n; ++c) {
    for (std::size_t i = 0; i < k; ++i) column[i] = b.values[i * n + c];
    for (std::size_t r = 0; r < m; ++r) {
      const double expected =
          dot(accumulator, {a.format, std::span(a.values).subspan(r * k, k)}, {b.format, column});
      ASSERT_EQ(std::bit_cast<std::uint32_t>(d[r * n + c]),
                std::bit_cast<std::uint32_t>(result_as_float(accumulator, expected)))
          << where << ", " << accumulator_name(accumulator) << ", m n k " << m << " " << n << " "
          << k << ", element " << r << " " << c;
    }
  }
}

struct Case {
  const char* accumulator;
  const char* a_format;
  const char* b_format;
};
constexpr Case kCases[] = {
    {"hopper-fp8", "e4m3fn", "e5m2"},
    {"blackwell-fp8", "e5m2", "e5m2"},
    {"ampere-fp16", "bf16", "bf16"},
    {"volta-fp16", "fp16", "fp16"},
    {"fused:300:35:23", "fp32", "fp32"},
    {"fused:3:0:0", "e8m3b250", "e8m3b0"},
    {"fp32", "fp32", "fp32"},
    {"fp16", "e5m2", "e4m3fn"},
    {"e6m9", "e5m2", "e5m2"},
    {"e4m3fn", "e4m3fn", "e4m3fn"},
    {"e5m2fnuz", "e5m2", "e5m2"},
    {"e4m3f", "e3m2fn", "e2m3fn"},
    {"e5m0", "e2m1fn", "e2m1fn"},
    {"dlfloat16", "e5m2", "e5m2"},
    {"chunk:64:e6m9:fp32", "e5m2", "e5m2"},
    {"chunk:300:fp16:bf16", "e4m3fn", "e4m3fn"},
    {"chunk:1:fp32:fp16", "fp16", "bf16"},
    {"exact", "fp32", "fp32"},
    {"exact:e4m3fn", "e8m3b250", "e8m3b0"},
};

TEST(LowPrecisionGemm, EqualsTheDefinitionForAllAccumulatorsSizesAndTargets) {
  std::mt19937_64 random(test_seed(20260703));
  // Around the vector widths, the panel (32), the tile's rows (64) and its pieces of k (256).
  const std::vector<std::vector<std::int64_t>> sizes{
      {1, 1, 0}, {1, 1, 1}, {2, 3, 5}, {3, 17, 33}, {65, 33, 31}, {2, 31, 257}, {1, 9, 620}};
  for (const Case& c : kCases) {
    for (const auto& size : sizes) {
      const FormatMatrix a = random_matrix(c.a_format, size[0], size[2], random);
      const FormatMatrix b = random_matrix(c.b_format, size[2], size[1], random);
      on_every_target([&](const std::string& target) {
        expect_equal_to_definition(parse_accumulator(c.accumulator), a, b, target);
      });
    }
  }
}

TEST(LowPrecisionGemm, TilesCoverEachElementOnce) {
  std::mt19937_64 random(test_seed(20260704));
  const FormatMatrix a = random_matrix("e2m1fn", 130, 3, random);
  const FormatMatrix b = random_matrix("e2m1fn", 3, 70, random);
  const LowPrecisionGemm gemm(parse_accumulator("fp32"), a, b);
  EXPECT_EQ(gemm.tiles(), 3u * 3u);
  std::vector<int> times(130 * 70);
  std::uint64_t products = 0;
  for (std::size_t tile = 0; tile < gemm.tiles(); ++tile) {
    std::vector<float> d(times.size(), NAN);
    gemm.run_tile(tile, d);
    for (std::size_t i = 0; i < d.size(); ++i) times[i] += std::isnan(d[i]) ? 0 : 1;
    products += gemm.products_of(tile);
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
  EXPECT_EQ(products, 130u * 70u * 3u);
}

TEST(LowPrecisionGemm, RefusesShapesThatDoNotFit) {
  const Format format = parse_format("fp32");
  const FormatMatrix a{format, 2, 3, std::vector<double>(6)};
  const FormatMatrix b{format, 2, 3, std::vector<double>(6)};
  EXPECT_THROW(LowPrecisionGemm(parse_accumulator("fp32"), a, b), std::invalid_argument);
  const FormatMatrix c{format, 3, 1, std::vector<double>(3)};
  std::vector<float> d(3);
  EXPECT_THROW(LowPrecisionGemm(parse_accumulator("fp32"), a, c).run_tile(0, d),
               std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
