#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradpath::cli {

/// What an option's value, the path of a file, is for.
enum class FileUse {
  none,     ///< no file
  read,     ///< an input
  config,   ///< an input that the FILE.config.ini of a table may be put in the place of
  source,   ///< an input that a `replace` may be put in the place of
  update,   ///< a store: read, and written in place
  write,    ///< an output, which must not be an input
  replace,  ///< an output that may be a source: it is put in its place when all is read
  table,    ///< as write, with FILE.config.ini beside it
  beside,   ///< that file
};

/// All files of a run: what is written may be no other of them, nor be written twice. Files are
/// compared, not their names: `./x` and `x`, links of both kinds, files that do not exist yet, and
/// the file that stdout goes to. Devices may be named any number of times.
class Files {
 public:
  /// Knows the standard output and error, where they are files.
  Files();
  /// role: how a message calls it, e.g. `--csv`. UserError where the file is taken.
  void add(const std::string& role, const std::string& path, FileUse use);

 private:
  struct Entry {
    std::string role;
    std::string path;
    std::string identity;
    FileUse use;
  };
  void enter(Entry entry);

  std::vector<Entry> entries_;
};

}  // namespace gradpath::cli
