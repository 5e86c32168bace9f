#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "traces/dtype.hpp"

namespace gradpath {

/// A tensor as the header declares it.
struct HeaderEntry {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the data
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<HeaderEntry> entries;  ///< sorted by the position of their data
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the JSON text of a header against `data_size` bytes of data behind it. On
/// return every entry has a size that fits its shape and type, and the entries fill the data
/// without gap or overlap. UserError, naming `path`, tensor and field, otherwise.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::string_view path,
                                                         std::string_view json,
                                                         std::uint64_t data_size);

}  // namespace gradpath
