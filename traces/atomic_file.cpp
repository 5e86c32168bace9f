#include "traces/atomic_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr mode_t kMode = 0666;  // less the user's umask
constexpr int kAttempts = 100;
constexpr int kMostLinks = 40;  // as Linux follows

}  // namespace

std::string destination(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path place = path;
  for (int links = 0; fs::is_symlink(place, error); ++links) {
    if (links == kMostLinks) return path;
    const fs::path target = fs::read_symlink(place, error);
    if (error) return path;
    place = place.parent_path() / target;  // an absolute target replaces the whole
  }
  const fs::path folder = fs::canonical(place.has_parent_path() ? place.parent_path() : ".", error);
  return error ? path : (folder / place.filename()).string();
}

AtomicFile::AtomicFile(const std::string& path, Writer writer) : path_(path), target_(path) {
  if (path.empty()) throw UserError("the output file's name is empty; give a path");
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      throw UserError(fmt::format("{}: is a directory; give the path of a file to write", path));
    }
    if (!S_ISREG(status.st_mode)) {
      if (writer == Writer::by_name) {
        throw UserError(fmt::format("{}: is a pipe or a device; give the path of a file", path));
      }
      direct_ = true;
      fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) fail("cannot open for writing");
      return;
    }
    // A file the user made read-only is not to be replaced just because its folder is writable.
    if (::access(path.c_str(), W_OK) != 0) fail("cannot write");
  }
  target_ = destination(path);
  if (writer == Writer::by_name) {
    make_folder();
  } else {
    std::string directory = std::filesystem::path(target_).parent_path().string();
    if (directory.empty()) directory = ".";
    open_unnamed(directory);
    if (fd_ < 0) open_named();
  }
  if (S_ISREG(status.st_mode) && fd_ >= 0) ::fchmod(fd_, status.st_mode & 07777);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      partial_(std::exchange(other.partial_, {})),
      folder_(std::exchange(other.folder_, {})),
      name_(std::move(other.name_)),
      fd_(std::exchange(other.fd_, -1)),
      direct_(other.direct_) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
  if (folder_.empty()) return;
  std::error_code ignored;  // what a writer may have left beside its file goes too
  std::filesystem::remove_all(folder_, ignored);
}

void AtomicFile::expect(std::uint64_t bytes) const {
  struct statvfs room = {};
  if (direct_ || ::fstatvfs(fd_, &room) != 0) return;
  const std::uint64_t available = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (bytes <= available) return;
  const std::string place = std::filesystem::path(target_).parent_path().string();
  throw UserError(fmt::format(
      "{}: needs {:.1f} MiB, but {}, where it is written {} until it is complete, has {:.1f} MiB "
      "free; make room, write less or give a path on another disk",
      path_, static_cast<double>(bytes) / 0x1p20, place.empty() ? "." : place,
      partial_.empty() ? "without a name" : "as " + partial_,
      static_cast<double>(available) / 0x1p20));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  if (!folder_.empty()) {
    fd_ = ::open(partial_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail("cannot open what was written");
    struct stat status = {};
    if (::stat(target_.c_str(), &status) == 0) ::fchmod(fd_, status.st_mode & 07777);
  }
  // Pipes and devices cannot be synced, which is no error.
  if (::fsync(fd_) != 0 && !direct_) fail("cannot write to disk");
  if (!direct_) {
    if (partial_.empty()) name_it();
    if (::rename(partial_.c_str(), target_.c_str()) != 0) fail("cannot put the file in place");
    partial_.clear();
    if (folder_.empty()) name_ = {};
  }
  if (::close(std::exchange(fd_, -1)) != 0) fail("cannot close");
}

void AtomicFile::fail_writing(int error) const {
  errno = error;
  fail("cannot write");
}

void AtomicFile::open_unnamed(const std::string& directory) {
#ifdef O_TMPFILE
  fd_ = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
#endif
}

void AtomicFile::open_named() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unused_name();
    name_ = UnfinishedName(name, Unfinished::file);
    fd_ = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kMode);
    if (fd_ >= 0) {
      partial_ = std::move(name);
      return;
    }
    if (errno != EEXIST) break;
  }
  fail("cannot create the file");
}

void AtomicFile::make_folder() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unused_name();
    name_ = UnfinishedName(name, Unfinished::folder);
    if (::mkdir(name.c_str(), 0700) == 0) {
      partial_ = name + "/data";
      folder_ = std::move(name);
      return;
    }
    if (errno != EEXIST) break;
  }
  fail("cannot create the file");
}

// rename() replaces atomically and link() does not, so an unnamed file gets a name for an instant.
void AtomicFile::name_it() {
  const std::string self = fmt::format("/proc/self/fd/{}", fd_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unused_name();
    name_ = UnfinishedName(name, Unfinished::file);
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      partial_ = std::move(name);
      return;
    }
    if (errno != EEXIST) break;
  }
  fail("cannot name the file");
}

// 64 random bits: the name is as good as certainly nobody's, so that a signal may remove it even
// between its choice and its making.
std::string AtomicFile::unused_name() const {
  constexpr std::size_t kKept = 200;  // of a name: with what is added it stays below 255 bytes
  const std::filesystem::path target = target_;
  std::random_device device;
  return (target.parent_path() / fmt::format("{}.partial-{:08x}{:08x}",
                                             target.filename().string().substr(0, kKept), device(),
                                             device()))
      .string();
}

void AtomicFile::fail(std::string_view what) const {
  throw UserError(fmt::format("{}: {} ({}); give a path in an existing, writable folder with room",
                              path_, what, std::strerror(errno)));
}

}  // namespace gradpath
