#include "traces/atomic_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr mode_t kMode = 0666;  // less the user's umask
constexpr int kAttempts = 100;

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  if (path.empty()) throw UserError("the output file's name is empty; give a path");
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      throw UserError(fmt::format("{}: is a directory; give the path of a file to write", path));
    }
    if (!S_ISREG(status.st_mode)) {
      direct_ = true;
      fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) fail("cannot open for writing");
      return;
    }
    // A file the user made read-only is not to be replaced just because its folder is writable.
    if (::access(path.c_str(), W_OK) != 0) fail("cannot write");
    std::error_code error;
    const auto resolved = std::filesystem::canonical(path, error);
    if (!error) target_ = resolved.string();
  }
  std::string directory = std::filesystem::path(target_).parent_path().string();
  if (directory.empty()) directory = ".";
  open_unnamed(directory);
  if (fd_ < 0) open_named();
  if (S_ISREG(status.st_mode)) ::fchmod(fd_, status.st_mode & 07777);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      partial_(std::exchange(other.partial_, {})),
      fd_(std::exchange(other.fd_, -1)),
      direct_(other.direct_) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
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
  // Pipes and devices cannot be synced, which is no error.
  if (::fsync(fd_) != 0 && !direct_) fail("cannot write to disk");
  if (!direct_) {
    if (partial_.empty()) name_it();
    if (::rename(partial_.c_str(), target_.c_str()) != 0) fail("cannot put the file in place");
    partial_.clear();
  }
  if (::close(std::exchange(fd_, -1)) != 0) fail("cannot close");
}

void AtomicFile::open_unnamed(const std::string& directory) {
#ifdef O_TMPFILE
  fd_ = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
#endif
}

void AtomicFile::open_named() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unused_name();
    fd_ = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kMode);
    if (fd_ >= 0) {
      partial_ = std::move(name);
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
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      partial_ = std::move(name);
      return;
    }
    if (errno != EEXIST) break;
  }
  fail("cannot name the file");
}

std::string AtomicFile::unused_name() const {
  std::random_device device;
  return fmt::format("{}.partial-{:06x}", target_, device() & 0xffffffu);
}

void AtomicFile::fail(std::string_view what) const {
  throw UserError(fmt::format("{}: {} ({}); give a path in an existing, writable folder with room",
                              path_, what, std::strerror(errno)));
}

}  // namespace gradpath
