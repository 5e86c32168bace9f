// Put before every Verilated source: Verilator prints what failed assertions say with VL_PRINTF,
// which is printf unless it is defined.
#pragma once

#include <cstdarg>
#include <cstdio>

__attribute__((format(printf, 1, 2))) inline int gradpath_print_to_stderr(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int printed = std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  return printed;
}
