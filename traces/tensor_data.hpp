#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/stats/tensor_source.hpp"
#include "traces/safetensors.hpp"

namespace gradpath {

/// True for the element types that read_floats converts: F32, BF16, F16, F64.
[[nodiscard]] bool is_readable_as_float(DType dtype);

/// Elements first .. first + out.size() - 1 as fp32. F32, BF16 and F16 are exact (a NaN keeps its
/// sign and payload); F64 is rounded to nearest even, so it may overflow to infinity or underflow.
/// UserError for other types, naming the tensor; std::out_of_range past the end.
void read_floats(const Tensor& tensor, std::uint64_t first, std::span<float> out);

/// The tensor's own memory, without a copy, if it is F32 and its data are aligned to 4 bytes.
[[nodiscard]] std::optional<std::span<const float>> float_view(const Tensor& tensor);

/// The elements as fp32, read piece by piece; what has been read of the file leaves memory again.
/// Both must outlive it.
[[nodiscard]] TensorSource float_source(const SafetensorsFile& file, const Tensor& tensor);

/// All elements as fp32: the file's own memory where that is possible, else a converted copy.
/// Valid as long as the file and this object.
class TensorFloats {
 public:
  explicit TensorFloats(const Tensor& tensor);
  TensorFloats(TensorFloats&&) = default;
  TensorFloats& operator=(TensorFloats&&) = default;
  TensorFloats(const TensorFloats&) = delete;
  TensorFloats& operator=(const TensorFloats&) = delete;
  ~TensorFloats() = default;

  [[nodiscard]] std::span<const float> values() const { return values_; }

 private:
  std::vector<float> copy_;
  std::span<const float> values_;  ///< of the file or of copy_, whose memory stays when moved
};

}  // namespace gradpath
