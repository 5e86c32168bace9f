#pragma once

#include <string>

#include "traces/atomic_file.hpp"

namespace gradpath::cli {

/// A waveform, which Verilator writes by its path: it takes its place at commit(), whole, or never.
class WaveFile {
 public:
  /// UserError if it cannot be written.
  explicit WaveFile(const std::string& path) : file_(path, AtomicFile::Writer::by_name) {}

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  /// Where to write.
  [[nodiscard]] const std::string& partial() const { return file_.writing_path(); }
  /// Once, after the waveform has been closed. UserError if a write of it failed.
  void commit();

 private:
  AtomicFile file_;
};

}  // namespace gradpath::cli
