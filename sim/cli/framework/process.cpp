#include "sim/cli/framework/process.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "traces/interruption.hpp"

namespace gradpath::cli {
namespace {

void open_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free number is this one. Opened the wrong way round, so that its use is an error.
    (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// MemAvailable and SwapFree of /proc/meminfo; 0 where they are not known.
std::uint64_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::uint64_t sum = 0;
  std::string name;
  std::uint64_t kilobytes = 0;
  std::string unit;
  while (file >> name >> kilobytes && std::getline(file, unit)) {
    if (name == "MemAvailable:" || name == "SwapFree:") sum += kilobytes * 1024;
  }
  return sum;
}

void limit_memory() {
  const std::uint64_t available = available_bytes();
  rlimit limit = {};
  if (available == 0 || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, available);
  (void)::setrlimit(RLIMIT_DATA, &limit);
}
#else
void limit_memory() {}
#endif

}  // namespace

void prepare_process() {
  open_standard_descriptors();
  handle_signals();
  limit_memory();
}

}  // namespace gradpath::cli
