// Put before every Verilated source: Verilator prints what failed assertions say with VL_PRINTF,
// which is printf unless it is defined. It goes to stderr, where it does not mix with results, and
// ends after a few lines: an assertion that fails in every cycle would print without end.
#pragma once

#include <atomic>
#include <cstdarg>
#include <cstdio>

__attribute__((format(printf, 1, 2))) inline int gradpath_print_to_stderr(const char* format, ...) {
  constexpr int kMostLines = 8;
  static std::atomic<int> lines = 0;
  if (lines >= kMostLines) return 0;
  const int line = ++lines;
  if (line > kMostLines) return 0;
  va_list arguments;
  va_start(arguments, format);
  const int printed = std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  if (line == kMostLines) std::fputs("further messages of the RTL are left out\n", stderr);
  return printed;
}
