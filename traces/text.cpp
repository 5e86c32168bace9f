#include "traces/text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gradpath {
namespace {

// Bytes of the UTF-8 character that the text begins with (RFC 3629: shortest form, no surrogates,
// up to U+10FFFF); 0 if there is none or it is a control character or a line or paragraph
// separator.
std::size_t printable_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  unsigned character = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3fu);
  }
  constexpr unsigned kLeast[] = {0, 0, 0xa0, 0x800, 0x10000};  // U+0080 .. U+009F control
  if (lead < 0xc2 || lead > 0xf4 || character < kLeast[length] || character > 0x10ffff) return 0;
  if (character >= 0xd800 && character <= 0xdfff) return 0;
  return character == 0x2028 || character == 0x2029 ? 0 : length;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    std::size_t length = printable_length(text);
    if (length > 0) {
      result += text.substr(0, length);
    } else {
      length = 1;
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::size_t end = std::min(text.size(), kLongest);
  // Not inside a character: back to one that begins at or before the limit.
  while (end < text.size() && end + 4 > kLongest && (text[end] & 0xc0) == 0x80) --end;
  return fmt::format("'{}{}'", one_line(text.substr(0, end)), end < text.size() ? "..." : "");
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace gradpath
