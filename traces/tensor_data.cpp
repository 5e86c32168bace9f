#include "traces/tensor_data.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

// memcpy, as the format allows any alignment.
template <class T>
T load(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

float float_from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Moves exponent and mantissa into fp32's place, where the value is 2^-112 of what it should be
// (a subnormal stays one, and the product makes it normal); exponent 31 is infinity and NaN.
float float_from_f16(std::uint16_t bits) {
  const auto sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const auto magnitude = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
  if (magnitude >= 0x0f800000u) return std::bit_cast<float>(sign | magnitude | 0x7f800000u);
  return std::bit_cast<float>(sign | magnitude) * 0x1p112f;
}

}  // namespace

bool is_readable_as_float(DType dtype) {
  return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16 || dtype == DType::F64;
}

void read_floats(const Tensor& tensor, std::uint64_t first, std::span<float> out) {
  if (!is_readable_as_float(tensor.dtype)) {
    throw UserError(fmt::format(
        "tensor {}: dtype is {}, expected F32, BF16, F16 or F64; leave it out with --tensors, or "
        "store it as F32",
        quote(tensor.name), dtype_name(tensor.dtype)));
  }
  if (first > tensor.numel() || out.size() > tensor.numel() - first) {
    throw std::out_of_range("read_floats: past the end of the tensor");
  }
  if (out.empty()) return;
  const std::size_t size = dtype_size(tensor.dtype);
  const std::span<const std::byte> bytes = tensor.bytes.subspan(first * size, out.size() * size);
  const std::size_t n = out.size();
  if (tensor.dtype == DType::F32) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
  } else if (tensor.dtype == DType::BF16) {
    for (std::size_t i = 0; i < n; ++i) out[i] = float_from_bf16(load<std::uint16_t>(bytes, i));
  } else if (tensor.dtype == DType::F16) {
    for (std::size_t i = 0; i < n; ++i) out[i] = float_from_f16(load<std::uint16_t>(bytes, i));
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(load<double>(bytes, i));
  }
}

std::optional<std::span<const float>> float_view(const Tensor& tensor) {
  const auto address = std::bit_cast<std::uintptr_t>(tensor.bytes.data());
  if (tensor.dtype != DType::F32 || address % alignof(float) != 0) return std::nullopt;
  // The one place where mapped bytes are taken as the floats they are.
  return std::span(reinterpret_cast<const float*>(tensor.bytes.data()), tensor.numel());
}

TensorSource float_source(const SafetensorsFile& file, const Tensor& tensor) {
  const auto view = float_view(tensor);
  if (!view) read_floats(tensor, 0, {});  // the dtype is checked at once
  return {tensor.numel(),
          [&tensor, view](std::uint64_t first, std::size_t count, std::vector<float>& buffer) {
            if (view) return view->subspan(first, count);
            buffer.resize(count);
            read_floats(tensor, first, buffer);
            return std::span<const float>(buffer);
          },
          [&file, &tensor](std::uint64_t first, std::uint64_t count) {
            // Pages before it too: touching a page maps neighbours of it (Linux: 64 KiB).
            constexpr std::uint64_t kNeighbours = std::uint64_t{1} << 16;
            const std::uint64_t before = std::min(first, kNeighbours);
            file.release(tensor, first - before, count + before);
          }};
}

TensorFloats::TensorFloats(const Tensor& tensor) {
  if (const auto view = float_view(tensor)) {
    values_ = *view;
    return;
  }
  // The dtype is checked before memory is asked for.
  read_floats(tensor, 0, {});
  copy_.resize(tensor.numel());
  read_floats(tensor, 0, copy_);
  values_ = copy_;
}

}  // namespace gradpath
