#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "traces/atomic_file.hpp"
#include "traces/dtype.hpp"

namespace gradpath {

/// A tensor to be written.
struct TensorDeclaration {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;

  /// Size of its data; std::invalid_argument on a negative dimension or beyond 2^64.
  [[nodiscard]] std::uint64_t bytes() const;
};

/// Writes a safetensors file as a stream: all tensors are declared, then their data are appended in
/// that order, in pieces of any size; nothing is kept in memory. The file appears at commit() or
/// never (AtomicFile), so it may replace a file that is being read.
class SafetensorsWriter {
 public:
  /// Writes the header. std::invalid_argument on two equal names or where a tensor's data would not
  /// be aligned to its element size, which PyTorch needs: declare wider types first. UserError if
  /// the file cannot be written.
  SafetensorsWriter(const std::string& path, const std::vector<TensorDeclaration>& tensors,
                    const std::map<std::string, std::string>& metadata);

  /// The next bytes of the data; may cross from one tensor into the next.
  /// std::logic_error past the declared size.
  void append(std::span<const std::byte> bytes);
  template <class T>
  void append(std::span<const T> values) {
    append(std::as_bytes(values));
  }

  /// std::logic_error if data are missing.
  void commit();

 private:
  AtomicFile file_;
  std::uint64_t missing_ = 0;  ///< declared bytes not yet appended
};

}  // namespace gradpath
