#pragma once

#include <cstdint>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"

namespace gradpath::verify {

/// The format and rounding in the low 32 bits of a row of harness/*_table.sv: exponent bits 31:28,
/// mantissa bits 27:24, bias 23:16, non-finite codes 15:8, random bits 7:0 (0: to nearest even).
/// UserError (of make_format) if the harness names a format that the models do not have.
[[nodiscard]] Format row_format(std::uint32_t row);
[[nodiscard]] Rounding row_rounding(std::uint32_t row);

}  // namespace gradpath::verify
