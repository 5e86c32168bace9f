#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradpath::cli {

/// One `key = value` of an INI file.
struct IniEntry {
  std::string section;  ///< empty before the first [section]
  std::string key;
  std::string value;  ///< without the blanks around it; may be empty
  int line = 0;       ///< from 1
};

/// Reads INI text: `[section]`, `key = value`, comments in lines of their own after # or ;.
/// `name` is the file's, for UserError on any other line.
[[nodiscard]] std::vector<IniEntry> parse_ini(std::string_view name, std::string_view text);

/// The same of a file. UserError if it cannot be read.
[[nodiscard]] std::vector<IniEntry> read_ini(const std::string& path);

}  // namespace gradpath::cli
