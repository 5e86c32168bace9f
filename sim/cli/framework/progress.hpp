#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "sim/cli/framework/session.hpp"

namespace gradpath::cli {

/// One line of progress on a terminal, rewritten a few times a second and wiped at the end. Does
/// nothing where session.show_progress is false. May be called by several threads.
class Progress {
 public:
  /// total: of whatever add() counts, e.g. elements.
  Progress(const Session& session, std::string label, std::uint64_t total);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void add(std::uint64_t amount);

 private:
  using Clock = std::chrono::steady_clock;

  const Session& session_;
  std::string label_;
  std::uint64_t total_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  Clock::time_point shown_ = {};
  bool printed_ = false;
};

}  // namespace gradpath::cli
