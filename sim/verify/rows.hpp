#pragma once

#include <cstdint>

#include "sim/verify/lanes.hpp"

namespace gradpath::verify {

/// The parameters in the low 32 bits of a row of harness/*_table.sv: exponent bits 31:28, mantissa
/// bits 27:24, bias 23:16, rounding 15:12, scaled 11, non-finite codes 10:8, random bits 7:0.
/// UserError (of make_format) if the harness names a format that the models do not have.
[[nodiscard]] QuantizerRow row_quantizer(std::uint32_t row);

}  // namespace gradpath::verify
