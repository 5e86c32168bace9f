#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace gradpath {

/// Makes signals end this process in one line on stderr, with nothing unfinished left behind:
///   SIGINT, SIGTERM: exit code 130 or 143 (where they are not ignored already);
///   SIGBUS: exit code 2, with the name of the mapped file that became shorter;
///   SIGXFSZ is ignored, so that a write beyond the size limit fails and says so.
/// A program calls it once, before it opens a file. Without it the classes below cost nothing.
void handle_signals();

/// What of an entry must go when a signal ends the process.
enum class Unfinished : unsigned char {
  file,    ///< a file
  folder,  ///< a folder with `data` and `data.hier` in it (AtomicFile for a writer by name)
};

/// Names an unfinished file or folder for as long as this object lives; say it before the name is
/// made. The names are held in a fixed table that a signal handler can read: beyond its size
/// nothing is removed at a signal.
class UnfinishedName {
 public:
  UnfinishedName() = default;
  UnfinishedName(const std::string& name, Unfinished kind);
  UnfinishedName(UnfinishedName&& other) noexcept : slot_(std::exchange(other.slot_, kNone)) {}
  UnfinishedName& operator=(UnfinishedName&& other) noexcept;
  UnfinishedName(const UnfinishedName&) = delete;
  UnfinishedName& operator=(const UnfinishedName&) = delete;
  ~UnfinishedName();

 private:
  static constexpr int kNone = -1;
  int slot_ = kNone;
};

/// Says for SIGBUS which file lies at these bytes, for as long as this object lives.
class MappedName {
 public:
  MappedName() = default;
  MappedName(const std::string& name, std::span<const std::byte> bytes);
  MappedName(MappedName&& other) noexcept : slot_(std::exchange(other.slot_, kNone)) {}
  MappedName& operator=(MappedName&& other) noexcept;
  MappedName(const MappedName&) = delete;
  MappedName& operator=(const MappedName&) = delete;
  ~MappedName();

 private:
  static constexpr int kNone = -1;
  int slot_ = kNone;
};

}  // namespace gradpath
