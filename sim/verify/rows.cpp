#include "sim/verify/rows.hpp"

#include "models/format/formats.hpp"

namespace gradpath::verify {

// The tables count as models' NonFinite does.
static_assert(static_cast<int>(NonFinite::ieee) == 0);
static_assert(static_cast<int>(NonFinite::nan_all_ones) == 1);
static_assert(static_cast<int>(NonFinite::none) == 2);
static_assert(static_cast<int>(NonFinite::nan_neg_zero) == 3);

Format row_format(std::uint32_t row) {
  return make_format(static_cast<int>(row >> 28), static_cast<int>(row >> 24 & 0xf),
                     static_cast<int>(row >> 16 & 0xff), static_cast<NonFinite>(row >> 8 & 0x3));
}

Rounding row_rounding(std::uint32_t row) {
  const auto random_bits = static_cast<int>(row & 0xff);
  if (random_bits == 0) return {.mode = Rounding::Mode::rne};
  return {.mode = Rounding::Mode::sr, .random_bits = random_bits};
}

}  // namespace gradpath::verify
