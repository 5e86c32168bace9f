#include "sim/cli/framework/progress.hpp"

#include <ostream>

#include <fmt/format.h>

namespace gradpath::cli {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);
constexpr std::string_view kWipe = "\r\x1b[K";

}  // namespace

Progress::Progress(const Session& session, std::string label, std::uint64_t total)
    : session_(session), label_(std::move(label)), total_(total), shown_(Clock::now()) {}

Progress::~Progress() {
  if (printed_) session_.err << kWipe << std::flush;
}

void Progress::add(std::uint64_t amount) {
  if (!session_.show_progress) return;
  const std::scoped_lock lock(mutex_);
  done_ += amount;
  const auto now = Clock::now();
  if (total_ == 0 || now - shown_ < kInterval) return;
  shown_ = now;
  printed_ = true;
  session_.err << kWipe
               << fmt::format("{}: {:.0f} %", label_,
                              100.0 * static_cast<double>(done_) / static_cast<double>(total_))
               << std::flush;
}

}  // namespace gradpath::cli
