#include "traces/safetensors.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "traces/safetensors_header.hpp"

namespace gradpath {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are read in place, little-endian");

// The limit of the reference implementation.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kLengthBytes = 8;

std::string_view header_text(const std::string& path, std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    throw UserError(fmt::format(
        "{}: has {} bytes, too few for a safetensors file, which starts with an 8-byte header "
        "length; is it complete?",
        path, bytes.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    throw UserError(
        fmt::format("{}: header length is {}, expected at most {}; is this a safetensors file?",
                    path, length, kMaxHeaderBytes));
  }
  if (length > bytes.size() - kLengthBytes) {
    throw UserError(fmt::format(
        "{}: header length is {}, but only {} bytes follow it; the file is truncated or not "
        "safetensors",
        path, length, bytes.size() - kLengthBytes));
  }
  // Bytes as characters: the one view that the language allows of any object.
  return {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
          static_cast<std::size_t>(length)};
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path), file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  const std::string_view json = header_text(path, bytes);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + json.size());
  SafetensorsHeader header = parse_safetensors_header(path, json, data.size());
  metadata_ = std::move(header.metadata);
  tensors_.reserve(header.entries.size());
  for (HeaderEntry& entry : header.entries) {
    tensors_.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                        data.subspan(entry.begin, entry.end - entry.begin)});
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const Tensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void SafetensorsFile::release(const Tensor& tensor, std::uint64_t first,
                              std::uint64_t count) const {
  const std::size_t size = dtype_size(tensor.dtype);
  file_.release(tensor.bytes.subspan(first * size, count * size));
}

}  // namespace gradpath
