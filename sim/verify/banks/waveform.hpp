#pragma once

#include <cstdint>
#include <memory>
#include <string>

class VerilatedFstC;

namespace gradpath::verify {

/// Ticks of a bank, from its making on: clock edges, or of combinational lanes evaluations.
struct Window {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< inclusive

  /// Around a tick at which something is wrong.
  [[nodiscard]] static Window around(std::uint64_t tick) {
    constexpr std::uint64_t kBefore = 64;
    constexpr std::uint64_t kAfter = 16;
    return {.first = tick < kBefore ? 0 : tick - kBefore, .last = tick + kAfter};
  }
  /// A run's beginning.
  [[nodiscard]] static Window opening() { return {.first = 0, .last = 127}; }
};

/// errno of the first write of a waveform that failed in this process; 0: all went well.
[[nodiscard]] int waveform_error();

/// An FST file with a window of one bank's ticks, 1 ns each, however long the run is. A check that
/// runs again makes the same bank do the same, so it is written by running a check once more.
class Waveform {
 public:
  /// Thrown out of a bank's tick, and so out of the check, once the window is over.
  struct Complete {};

  Waveform(std::string path, Window window);
  Waveform(const Waveform&) = delete;
  Waveform& operator=(const Waveform&) = delete;
  ~Waveform();

  /// Where a tick stands in the file, in ns.
  [[nodiscard]] std::uint64_t time_of(std::uint64_t tick) const { return tick - window_.first + 1; }

  // For the banks.
  /// To add a model and the scopes that are shown, before open().
  [[nodiscard]] VerilatedFstC& file() { return *file_; }
  void open();
  /// The inputs of this tick have settled, before its clock edge.
  void settled(std::uint64_t tick);
  /// The tick is done. Throws Complete after the window's last.
  void done(std::uint64_t tick);
  /// What was written is whole from here on; the model may go.
  void close();

 private:
  [[nodiscard]] bool shows(std::uint64_t tick) const {
    return tick >= window_.first && tick <= window_.last;
  }

  std::string path_;
  Window window_;
  std::unique_ptr<VerilatedFstC> file_;
};

}  // namespace gradpath::verify
