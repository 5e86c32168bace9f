#include "sim/cli/framework/ini.hpp"

#include <fmt/format.h>

#include "models/error.hpp"
#include "traces/mapped_file.hpp"

namespace gradpath::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::vector<IniEntry> parse_ini(std::string_view name, std::string_view text) {
  std::vector<IniEntry> entries;
  std::string section;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = trimmed(line.substr(1, line.size() - 2));
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::string_view key = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      throw UserError(
          fmt::format("{}:{}: expected 'key = value', '[section]' or '# comment'", name, number));
    }
    entries.push_back(
        {section, std::string(key), std::string(trimmed(line.substr(equals + 1))), number});
  }
  return entries;
}

std::vector<IniEntry> read_ini(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_ini(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace gradpath::cli
