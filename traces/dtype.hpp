#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradpath {

/// The element types of safetensors that this program knows; names as the file spells them.
enum class DType : std::uint8_t {
  BOOL,
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  U64,
  I64,
  F16,
  BF16,
  F32,
  F64,
  F8_E4M3,
  F8_E5M2,
};

/// Bytes of one element: 1, 2, 4 or 8.
[[nodiscard]] std::size_t dtype_size(DType dtype);
[[nodiscard]] std::string_view dtype_name(DType dtype);
/// The type of that name, if there is one.
[[nodiscard]] std::optional<DType> find_dtype(std::string_view name);
/// All names, comma-separated, for error messages.
[[nodiscard]] std::string dtype_names();

}  // namespace gradpath
