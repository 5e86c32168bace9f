#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace gradpath::test {

/// A folder of a test's own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  /// Number of entries, hidden ones too.
  [[nodiscard]] std::size_t entries() const;

 private:
  std::filesystem::path path_;
};

void write_text(const std::string& path, std::string_view bytes);
[[nodiscard]] std::string read_text(const std::string& path);

/// The bytes of a safetensors file: header length, header, data_bytes bytes 0, 1, 2, ...
[[nodiscard]] std::string raw_safetensors(std::string_view header, std::size_t data_bytes);

/// The message of the UserError that `work` throws; a test failure and "" if it throws none.
/// Checks that the message is a single line.
[[nodiscard]] std::string user_error(const std::function<void()>& work);

/// Seed of randomised tests: GRADPATH_TEST_SEED, else a fixed one; printed with every failure.
[[nodiscard]] std::uint64_t test_seed();

}  // namespace gradpath::test
