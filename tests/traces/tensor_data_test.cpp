#include "traces/tensor_data.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/traces/support.hpp"

namespace gradpath::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A tensor of these bytes, at an address that is 1 modulo 8: no element is aligned.
class UnalignedTensor {
 public:
  template <class T>
  UnalignedTensor(DType dtype, const std::vector<T>& values)
      : storage_((values.size() * sizeof(T) + 15) / 8 + 1) {
    auto* start = reinterpret_cast<std::byte*>(storage_.data()) + 1;
    std::memcpy(start, values.data(), values.size() * sizeof(T));
    tensor_ = {"t",
               dtype,
               {static_cast<std::int64_t>(values.size())},
               std::span<const std::byte>(start, values.size() * sizeof(T))};
  }
  const Tensor& get() const { return tensor_; }

 private:
  std::vector<std::uint64_t> storage_;
  Tensor tensor_;
};

std::vector<float> all_floats(const Tensor& tensor) {
  std::vector<float> values(tensor.numel());
  read_floats(tensor, 0, values);
  return values;
}

std::vector<std::uint16_t> every_code() {
  std::vector<std::uint16_t> codes(65536);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint16_t>(i);
  return codes;
}

// The value of a binary format from its definition, in double: exact for both formats.
double defined_value(unsigned code, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(code >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int fraction = static_cast<int>(code) & ((1 << mantissa_bits) - 1);
  const double sign = (code >> (exponent_bits + mantissa_bits)) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  }
  const int significand = exponent == 0 ? fraction : fraction + (1 << mantissa_bits);
  return sign * std::ldexp(significand, std::max(exponent, 1) - bias - mantissa_bits);
}

void expect_values(const std::vector<float>& values, int exponent_bits, int mantissa_bits) {
  ASSERT_EQ(values.size(), 65536u);
  for (unsigned code = 0; code < 65536; ++code) {
    const double expected = defined_value(code, exponent_bits, mantissa_bits);
    const float found = values[code];
    const bool same = std::isnan(expected) ? std::isnan(found)
                                           : double{found} == expected &&
                                                 std::signbit(found) == std::signbit(expected);
    ASSERT_TRUE(same) << std::hex << code << ": " << found << " instead of " << expected;
  }
}

TEST(ReadFloats, Float16IsExactForEveryCode) {
  expect_values(all_floats(UnalignedTensor(DType::F16, every_code()).get()), 5, 10);
}

TEST(ReadFloats, Bfloat16IsExactForEveryCode) {
  expect_values(all_floats(UnalignedTensor(DType::BF16, every_code()).get()), 8, 7);
}

TEST(ReadFloats, NanKeepsSignAndPayload) {
  const std::vector<std::uint16_t> codes = {0xfe01, 0x7d55};
  const std::vector<float> values = all_floats(UnalignedTensor(DType::F16, codes).get());
  EXPECT_EQ(std::bit_cast<std::uint32_t>(values[0]), 0xffc02000u);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(values[1]), 0x7faaa000u);
}

TEST(ReadFloats, Float32KeepsItsBitsAtAnyAlignment) {
  const std::vector<std::uint32_t> bits = {0x00000001u, 0x80000000u, 0x7f800001u, 0x3f800000u};
  const std::vector<float> values = all_floats(UnalignedTensor(DType::F32, bits).get());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(values[i]), bits[i]);
  }
}

TEST(ReadFloats, Float64IsRoundedToNearestEven) {
  const std::vector<double> values = {0x1.000001p0,   0x1.000003p0, 0x1.0000010001p0,
                                      0x1.ffffffp127, 0x1p-150,     0x1.8p-150};
  EXPECT_THAT(all_floats(UnalignedTensor(DType::F64, values).get()),
              ElementsAre(1.0f, 0x1.000004p0f, 0x1.000002p0f,
                          std::numeric_limits<float>::infinity(), 0.0f, 0x1p-149f));
}

TEST(ReadFloats, ReadsAnyPartAndNothingBeyond) {
  const std::vector<float> source = {1, 2, 3, 4, 5};
  const UnalignedTensor tensor(DType::F32, source);
  std::vector<float> part(2);
  read_floats(tensor.get(), 3, part);
  EXPECT_THAT(part, ElementsAre(4, 5));
  EXPECT_THROW(read_floats(tensor.get(), 4, part), std::out_of_range);
  EXPECT_THROW(read_floats(tensor.get(), ~std::uint64_t{0}, part), std::out_of_range);
  read_floats(tensor.get(), 5, {});
}

TEST(ReadFloats, OtherTypesAreRefusedNamingTheTensor) {
  const UnalignedTensor tensor(DType::I32, std::vector<std::int32_t>{1});
  std::vector<float> out(1);
  EXPECT_THAT(user_error([&] { read_floats(tensor.get(), 0, out); }),
              AllOf(HasSubstr("'t'"), HasSubstr("I32"), HasSubstr("F32, BF16, F16 or F64")));
  EXPECT_THAT(user_error([&] { const TensorFloats floats(tensor.get()); }), HasSubstr("I32"));
}

TEST(FloatView, IsGivenOnlyForAlignedFloat32) {
  std::vector<float> values = {1, 2, 3};
  const auto bytes = std::as_bytes(std::span(values));
  const auto view = float_view({"t", DType::F32, {3}, bytes});
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->data(), values.data());
  EXPECT_EQ(view->size(), 3u);
  EXPECT_FALSE(float_view({"t", DType::F32, {2}, bytes.subspan(2, 8)}).has_value());
  EXPECT_FALSE(float_view({"t", DType::BF16, {6}, bytes}).has_value());
}

TEST(TensorFloats, CopiesWhatItCannotView) {
  const UnalignedTensor tensor(DType::F32, std::vector<float>{1, 2});
  TensorFloats floats(tensor.get());
  const TensorFloats moved = std::move(floats);
  EXPECT_THAT(moved.values(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace gradpath::test
