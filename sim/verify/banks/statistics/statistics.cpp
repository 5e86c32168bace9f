#include "sim/verify/banks/statistics/statistics.hpp"

#include <Vstatistics_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vstatistics_bank__Syms.h>
#endif

#include "sim/verify/banks/rows.hpp"
#include "sim/verify/banks/stream_bank_model.hpp"

namespace gradpath::verify {

template <>
struct Pins<Statistics> {
  using Model = Vstatistics_bank;
  using Unit = Statistics::Unit;
  static constexpr const char* kName = "statistics_bank";

  static Statistics::Row row(const Model& m) {
    const std::uint64_t bits = m.row_o;
    const auto low = static_cast<std::uint32_t>(bits);
    Statistics::Row row{.unit = static_cast<Unit>(bits >> 40 & 0xff), .lanes = bits >> 32 & 0xff};
    if (row.unit == Unit::amax) {
      row.format = row_quantizer(low).format;
    } else {
      row.max_elements = (std::size_t{1} << (low & 0xff)) - 1;
    }
    if (row.unit == Unit::histogram) {
      row.config = {.mantissa_bits = static_cast<int>(low >> 8 & 0xff),
                    .first_field = static_cast<int>(low >> 24),
                    .binades = static_cast<int>(low >> 16 & 0xff)};
    }
    return row;
  }

  static void seed(Model&, const Statistics::Seeds&) {}

  static void set(Model& m, const Statistics::Inputs& inputs) {
    m.target_i = inputs.target;
    m.ready_i = inputs.ready;
    m.valid_i = inputs.beat.has_value();
    const Beat& beat = inputs.beat ? *inputs.beat : kNoBeat;
    put_words(m.data_i, beat);
    m.mask_i = static_cast<std::uint8_t>(beat.mask);
    m.last_i = beat.last;
  }

  static Statistics::View view(const Model& m, std::size_t row) {
    Statistics::View view{.ready = m.ready_o[row] != 0};
    if (m.valid_o[row]) {
      const std::uint64_t bits = m.result_o[row];
      view.answer = {.magnitude = static_cast<std::uint32_t>(bits),
                     .scale_exponent = static_cast<std::int8_t>(bits >> 32 & 0xff)};
    }
    return view;
  }
};

template class StreamBank<Statistics>;

}  // namespace gradpath::verify
