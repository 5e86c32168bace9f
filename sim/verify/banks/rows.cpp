#include "sim/verify/banks/rows.hpp"

#include "models/format/formats.hpp"

namespace gradpath::verify {

// The tables count as models' NonFinite and Rounding::Mode do.
static_assert(static_cast<int>(NonFinite::ieee) == 0);
static_assert(static_cast<int>(NonFinite::nan_all_ones) == 1);
static_assert(static_cast<int>(NonFinite::none) == 2);
static_assert(static_cast<int>(NonFinite::nan_neg_zero) == 3);
static_assert(static_cast<int>(Rounding::Mode::rne) == 0);
static_assert(static_cast<int>(Rounding::Mode::rna) == 1);
static_assert(static_cast<int>(Rounding::Mode::rtz) == 2);
static_assert(static_cast<int>(Rounding::Mode::rup) == 3);
static_assert(static_cast<int>(Rounding::Mode::rdn) == 4);
static_assert(static_cast<int>(Rounding::Mode::rto) == 5);
static_assert(static_cast<int>(Rounding::Mode::sr) == 6);
static_assert(static_cast<int>(Rounding::Mode::sru) == 7);

QuantizerRow row_quantizer(std::uint32_t row) {
  QuantizerRow parameters{
      .format =
          make_format(static_cast<int>(row >> 28), static_cast<int>(row >> 24 & 0xf),
                      static_cast<int>(row >> 16 & 0xff), static_cast<NonFinite>(row >> 8 & 0x7)),
      .rounding = {.mode = static_cast<Rounding::Mode>(row >> 12 & 0xf)},
      .scaled = (row >> 11 & 1) != 0};
  if (parameters.rounding.is_stochastic()) {
    parameters.rounding.random_bits = static_cast<int>(row & 0xff);
  }
  return parameters;
}

}  // namespace gradpath::verify
