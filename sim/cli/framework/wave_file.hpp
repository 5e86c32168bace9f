#pragma once

#include <span>
#include <string>

namespace gradpath::cli {

/// A waveform, which Verilator writes by its path: to FILE.partial, which takes the place of FILE
/// at commit() and is removed if that never comes.
class WaveFile {
 public:
  /// `inputs` are files it must not replace. UserError if it cannot be written.
  WaveFile(std::string path, std::span<const std::string> inputs);
  WaveFile(const WaveFile&) = delete;
  WaveFile& operator=(const WaveFile&) = delete;
  ~WaveFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Where to write.
  [[nodiscard]] const std::string& partial() const { return partial_; }
  /// Once, after the waveform has been closed.
  void commit();

 private:
  std::string path_;
  std::string partial_;
};

}  // namespace gradpath::cli
