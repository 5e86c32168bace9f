#pragma once

#include <cstdint>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"

namespace gradpath::verify {

/// The parameters of a quantizer lane, read back from a Verilated model.
struct QuantizerRow {
  Format format;
  Rounding rounding;
  bool scaled = false;  ///< it has a scale exponent
};

/// The parameters in the low 32 bits of a row of a bank's table: exponent bits 31:28, mantissa bits
/// 27:24, bias 23:16, rounding 15:12, scaled 11, non-finite codes 10:8, random bits 7:0.
/// UserError (of make_format) if a table names a format that the models do not have.
[[nodiscard]] QuantizerRow row_quantizer(std::uint32_t row);

}  // namespace gradpath::verify
