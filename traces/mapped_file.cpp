#include "traces/mapped_file.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

// Closes a descriptor on every way out of the constructor; the mapping outlives it.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

void unmap(std::span<const std::byte> bytes) {
  // munmap takes a non-const pointer to memory that nobody could write.
  if (!bytes.empty()) ::munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer opens at once, and is refused below.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) {
    throw UserError(fmt::format("{}: cannot open the file ({}); give the path of a readable file",
                                path, std::strerror(errno)));
  }
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) {
    throw UserError(fmt::format("{}: cannot inspect the file ({})", path, std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    throw UserError(
        fmt::format("{}: {}; give the path of a regular file, as it is mapped into memory", path,
                    S_ISDIR(status.st_mode) ? "is a directory" : "is a pipe or a device"));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) {
    throw UserError(
        fmt::format("{}: cannot map the file's {} bytes ({})", path, size, std::strerror(errno)));
  }
  bytes_ = {static_cast<const std::byte*>(address), size};
  name_ = MappedName(path, bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), name_(std::move(other.name_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap(bytes_);
    bytes_ = std::exchange(other.bytes_, {});
    name_ = std::move(other.name_);
  }
  return *this;
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  // Whole pages, outward: a neighbour's page that goes too is read again from the file.
  static const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto first = static_cast<std::size_t>(part.data() - bytes_.data()) / kPage * kPage;
  const std::size_t last = static_cast<std::size_t>(part.data() - bytes_.data()) + part.size();
  if (last > bytes_.size()) throw std::out_of_range("MappedFile::release: not a part of the file");
  // Only advice: a failure changes nothing.
  (void)::madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, MADV_DONTNEED);
}

MappedFile::~MappedFile() { unmap(bytes_); }

}  // namespace gradpath
