#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "models/error.hpp"

namespace gradpath::fuzz {

/// Bytes as text.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// An input is good or refused by a UserError; any other exception leaves the target and ends the
/// run, and so does what a sanitizer finds.
template <class Read>
void good_or_refused(Read read) {
  try {
    read();
  } catch (const UserError&) {
  }
}

/// What must hold of every input that is good.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// The bytes as a file without a folder, for readers that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", 0)) {
    require(fd_ >= 0 &&
            ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

}  // namespace gradpath::fuzz
