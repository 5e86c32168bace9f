#include "sim/cli/framework/files.hpp"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/error.hpp"
#include "traces/atomic_file.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

std::string identity_of(const struct stat& status) {
  return fmt::format("{}:{}", status.st_dev, status.st_ino);
}

// Two paths lead to one file exactly if these are equal; empty for a device.
std::string identity_of(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? "" : identity_of(status);
  }
  const std::filesystem::path place = destination(path);
  if (::stat(place.parent_path().c_str(), &status) == 0) {
    return fmt::format("{}/{}", identity_of(status), place.filename().string());
  }
  return std::filesystem::absolute(place).lexically_normal().string();
}

bool is_read_only(FileUse use) {
  return use == FileUse::read || use == FileUse::config || use == FileUse::source;
}
bool is_input(FileUse use) { return is_read_only(use) || use == FileUse::update; }

bool collide(FileUse one, FileUse other) {
  if (is_read_only(one)) std::swap(one, other);
  if (one == FileUse::replace && other == FileUse::source) return false;
  if (one == FileUse::beside && other == FileUse::config) return false;
  return !is_read_only(one) || !is_read_only(other);
}

}  // namespace

Files::Files() {
  for (const auto& [descriptor, name] : {std::pair(STDOUT_FILENO, "the standard output"),
                                         std::pair(STDERR_FILENO, "the standard error")}) {
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) continue;
    entries_.push_back({name, "", identity_of(status), FileUse::write});  // both may be one file
  }
}

void Files::add(const std::string& role, const std::string& path, FileUse use) {
  if (use == FileUse::none) return;
  const bool is_stdout = path == "-" && !is_input(use);
  const std::string identity = is_stdout ? path : identity_of(path);
  if (identity.empty()) return;
  enter({role, path, identity, use});
  if (is_stdout) return;
  const auto beside = [&](const char* ending, FileUse its_use) {
    enter(
        {fmt::format("{}'s {}", role, ending), path + ending, identity_of(path + ending), its_use});
  };
  if (use == FileUse::table) beside(".config.ini", FileUse::beside);
  if (use == FileUse::update) {  // SQLite's own
    for (const char* ending : {"-journal", "-wal", "-shm"}) beside(ending, FileUse::write);
  }
}

void Files::enter(Entry entry) {
  for (const Entry& other : entries_) {
    if (entry.identity != other.identity || !collide(entry.use, other.use)) continue;
    const Entry& kept = is_input(entry.use) ? entry : other;
    const Entry& written = is_input(entry.use) ? other : entry;
    const auto named = [](const Entry& file) {
      return file.path.empty() ? file.role : fmt::format("{} {}", file.role, quote(file.path));
    };
    throw UserError(is_input(kept.use)
                        ? fmt::format("{}: is an input and would be replaced, the file of {}; give "
                                      "another path to write to",
                                      named(written), named(kept))
                        : fmt::format("{}: is also the file of {}; give two different files",
                                      named(written), named(kept)));
  }
  entries_.push_back(std::move(entry));
}

}  // namespace gradpath::cli
