#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "traces/interruption.hpp"

namespace gradpath {

/// A whole file mapped read-only. Move-only; the bytes stay where they are when it moves.
/// A file that another program shortens while it is mapped raises SIGBUS on access, which
/// handle_signals() turns into an error: replace files by renaming, as AtomicFile does.
class MappedFile {
 public:
  /// UserError if the file is missing, unreadable or not a regular file: a pipe or a device (so
  /// process substitution and /dev/stdin too) is refused, not waited for.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  /// Says that this part of bytes() will not be read soon, so that a pass over a large file keeps
  /// only what it works on in resident memory. The bytes stay valid. Any thread may call it.
  void release(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
  MappedName name_;  ///< for the message of SIGBUS
};

}  // namespace gradpath
