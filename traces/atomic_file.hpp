#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "traces/interruption.hpp"

namespace gradpath {

/// Where a write to `path` lands: symbolic links followed to their end, dangling ones too, and the
/// folder's own name in full. A path in a folder that does not exist is returned as it is.
[[nodiscard]] std::string destination(const std::string& path);

/// An output file that appears whole or not at all: written beside its destination and put in its
/// place by commit(). Until then an existing file of that name stays as it is, whatever ends the
/// program. Where the file system can (O_TMPFILE), the unfinished file has no name and vanishes by
/// itself, even after SIGKILL; elsewhere it is `NAME.partial-X...`, a name that nobody has, which
/// the destructor or a handled signal removes. A symbolic link is followed; a device or pipe
/// (`/dev/null`) is written directly. UserError, naming the path, where the file system refuses.
class AtomicFile {
 public:
  enum class Writer {
    descriptor,  ///< write() writes
    by_name,     ///< a library does, which opens files by their names, at writing_path()
  };

  /// Opens at once, so that an unwritable destination is found before any work is done.
  explicit AtomicFile(const std::string& path, Writer writer = Writer::descriptor);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// As given to the constructor.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// True for a device or pipe, which is written directly.
  [[nodiscard]] bool is_direct() const { return direct_; }

  /// For Writer::by_name: where to write, in a folder of its own beside the destination.
  [[nodiscard]] const std::string& writing_path() const { return partial_; }

  /// Says how much will be written: UserError now, if the file system has not that much room, and
  /// not after hours.
  void expect(std::uint64_t bytes) const;
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Flushes to disk and takes the destination's place. Once, and last.
  void commit();
  /// Throws what a failed write() would, for one that another program part has seen fail.
  [[noreturn]] void fail_writing(int error) const;

 private:
  [[noreturn]] void fail(std::string_view what) const;
  void open_unnamed(const std::string& directory);
  void open_named();
  void make_folder();
  void name_it();
  std::string unused_name() const;

  std::string path_;
  std::string target_;   ///< where path_ leads
  std::string partial_;  ///< the temporary file's name; empty while it has none
  std::string folder_;   ///< around partial_, of Writer::by_name
  UnfinishedName name_;  ///< of partial_ or folder_
  int fd_ = -1;
  bool direct_ = false;  ///< a device or pipe
};

}  // namespace gradpath
