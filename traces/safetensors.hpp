#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "traces/dtype.hpp"
#include "traces/mapped_file.hpp"

namespace gradpath {

/// One tensor of an open file. `bytes` points into the mapped file, little-endian, row-major, of
/// any alignment: read it with tensor_data.hpp.
struct Tensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;  ///< dimensions, each >= 0; empty for a scalar
  std::span<const std::byte> bytes;

  /// Number of elements.
  [[nodiscard]] std::uint64_t numel() const { return bytes.size() / dtype_size(dtype); }
};

/// A safetensors file, mapped into memory and checked as a whole before any byte is used: header
/// length, JSON, duplicate keys, types, shapes, and that the tensors fill the data exactly, without
/// gap or overlap. Every violation is a UserError that names file, tensor and field.
/// Source: the format's description at huggingface.co/docs/safetensors.
/// Tensors and their bytes live as long as the file (also after it is moved from).
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  /// As given to the constructor.
  [[nodiscard]] const std::string& path() const { return path_; }
  /// In the order of their data in the file.
  [[nodiscard]] std::span<const Tensor> tensors() const { return tensors_; }
  /// The tensor of that name, or null.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
  /// Says that elements first .. first + count - 1 of one of its tensors will not be read soon
  /// (MappedFile::release).
  void release(const Tensor& tensor, std::uint64_t first, std::uint64_t count) const;
  void release(const Tensor& tensor) const { release(tensor, 0, tensor.numel()); }
  /// `__metadata__`; empty if the file has none.
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::string path_;
  MappedFile file_;
  std::vector<Tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  ///< views into tensors_' names
  std::map<std::string, std::string> metadata_;
};

}  // namespace gradpath
