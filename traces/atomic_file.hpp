#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gradpath {

/// An output file that appears whole or not at all: written beside its destination and put in its
/// place by commit(). Until then an existing file of that name stays as it is, whatever ends the
/// program. Where the file system can (O_TMPFILE), the unfinished file has no name and vanishes by
/// itself, even after SIGKILL; elsewhere it is `NAME.partial-XXXXXX`, which the destructor removes.
/// A symbolic link is followed; a device or pipe (`/dev/null`) is written directly.
/// UserError, naming the path, where the file system refuses.
class AtomicFile {
 public:
  /// Opens at once, so that an unwritable destination is found before any work is done.
  explicit AtomicFile(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// As given to the constructor.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// True for a device or pipe, which is written directly.
  [[nodiscard]] bool is_direct() const { return direct_; }

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Flushes to disk and takes the destination's place. Once, and last.
  void commit();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  void open_unnamed(const std::string& directory);
  void open_named();
  void name_it();
  std::string unused_name() const;

  std::string path_;
  std::string target_;   ///< path_ with symbolic links resolved
  std::string partial_;  ///< the temporary file's name; empty while it has none
  int fd_ = -1;
  bool direct_ = false;  ///< a device or pipe
};

}  // namespace gradpath
