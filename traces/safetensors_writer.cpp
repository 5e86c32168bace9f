#include "traces/safetensors_writer.hpp"

#include <stdexcept>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gradpath {

std::uint64_t TensorDeclaration::bytes() const {
  std::uint64_t size = dtype_size(dtype);
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 ||
        __builtin_mul_overflow(size, static_cast<std::uint64_t>(dimension), &size)) {
      throw std::invalid_argument(fmt::format("tensor '{}': impossible shape", name));
    }
  }
  return size;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path,
                                     const std::vector<TensorDeclaration>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path) {
  // Text piece by piece: a JSON document of ordered keys would search them linearly.
  using Json = nlohmann::json;
  std::string header = "{";
  const auto separate = [&] {
    if (header.size() > 1) header += ',';
  };
  if (!metadata.empty()) header += "\"__metadata__\":" + Json(metadata).dump();
  std::unordered_set<std::string> names;
  for (const TensorDeclaration& tensor : tensors) {
    if (tensor.name == "__metadata__" || !names.insert(tensor.name).second) {
      throw std::invalid_argument(fmt::format("tensor '{}' is declared twice", tensor.name));
    }
    if (missing_ % dtype_size(tensor.dtype) != 0) {
      throw std::invalid_argument(fmt::format("tensor '{}' would be unaligned", tensor.name));
    }
    const std::uint64_t begin = missing_;
    if (__builtin_add_overflow(missing_, tensor.bytes(), &missing_)) {
      throw std::invalid_argument("the tensors exceed 2^64 bytes");
    }
    separate();
    header += fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                          Json(tensor.name).dump(), dtype_name(tensor.dtype),
                          Json(tensor.shape).dump(), begin, missing_);
  }
  header += '}';
  // Spaces up to a multiple of 8, as the reference implementation does: data are aligned in memory.
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  file_.expect(sizeof(length) + length + missing_);
  file_.write(std::as_bytes(std::span(&length, 1)));
  file_.write(header);
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  if (bytes.size() > missing_) throw std::logic_error("more data than the tensors declared");
  file_.write(bytes);
  missing_ -= bytes.size();
}

void SafetensorsWriter::commit() {
  if (missing_ != 0) throw std::logic_error(fmt::format("{} bytes of data are missing", missing_));
  file_.commit();
}

}  // namespace gradpath
