// Put before Verilator's FST writer (rtl_models.cmake), which looks at no result of what it writes:
// the first error of each process is kept, so that a waveform on a full disk is no success.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdio>

#include <unistd.h>
#include <zlib.h>

/// errno of the first write of a waveform that failed; 0: all went well.
inline std::atomic<int> gradpath_waveform_error = 0;

inline void gradpath_check_write(bool good) {
  int none = 0;
  if (!good) gradpath_waveform_error.compare_exchange_strong(none, errno != 0 ? errno : EIO);
}
inline std::size_t gradpath_fwrite(const void* bytes, std::size_t size, std::size_t count,
                                   std::FILE* file) {
  const std::size_t written = std::fwrite(bytes, size, count, file);
  gradpath_check_write(written == count);
  return written;
}
inline int gradpath_fflush(std::FILE* file) {
  const int result = std::fflush(file);
  gradpath_check_write(result == 0);
  return result;
}
inline int gradpath_fclose(std::FILE* file) {
  gradpath_check_write(std::ferror(file) == 0);  // of a character or a seek
  const int result = std::fclose(file);
  gradpath_check_write(result == 0);
  return result;
}
inline std::FILE* gradpath_tmpfile() {
  std::FILE* const file = std::tmpfile();
  gradpath_check_write(file != nullptr);
  return file;
}
inline int gradpath_gzwrite(gzFile file, const void* bytes, unsigned size) {
  const int written = gzwrite(file, bytes, size);
  gradpath_check_write(size == 0 || written > 0);
  return written;
}
inline int gradpath_gzclose(gzFile file) {
  const int result = gzclose(file);
  gradpath_check_write(result == Z_OK);
  return result;
}

#ifdef GRADPATH_CHECK_WRITES
#define fwrite gradpath_fwrite
#define fflush gradpath_fflush
#define fclose gradpath_fclose
#define tmpfile gradpath_tmpfile
#define gzwrite gradpath_gzwrite
#define gzclose gradpath_gzclose
#endif
