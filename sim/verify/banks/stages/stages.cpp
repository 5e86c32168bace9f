#include "sim/verify/banks/stages/stages.hpp"

#include <Vstages_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vstages_bank__Syms.h>
#endif

#include "sim/verify/banks/rows.hpp"
#include "sim/verify/banks/stream_bank_model.hpp"

namespace gradpath::verify {

template <>
struct Pins<Stages> {
  using Model = Vstages_bank;
  static constexpr const char* kName = "stages_bank";

  static Stages::Row row(const Model& m) {
    const std::uint64_t bits = m.row_o;
    Stages::Row row{.is_pruner = (bits >> 44 & 0xf) == 1, .lanes = bits >> 32 & 0xff};
    if (row.is_pruner) {
      row.rounding = {.mode = Rounding::Mode::sr, .random_bits = static_cast<int>(bits & 0xff)};
      return row;
    }
    const QuantizerRow quantizer = row_quantizer(static_cast<std::uint32_t>(bits));
    row.format = quantizer.format;
    row.rounding = quantizer.rounding;
    row.scaled = quantizer.scaled;
    row.overflow = (bits >> 40 & 0xf) == 1 ? Overflow::saturate : Overflow::standard;
    return row;
  }

  static void seed(Model& m, Stages::Seeds seeds) {
    for (std::size_t i = 0; i < kWords<decltype(m.seed_i)>; ++i) {
      m.seed_i[i] = i < seeds.size() ? seeds[i] : 0;
    }
  }

  static void set(Model& m, const Stages::Inputs& inputs) {
    m.alpha_i = inputs.alpha & 0x7fffffffu;
    m.scale_exponent_i = static_cast<std::uint8_t>(inputs.scale_exponent);
    m.ready_i = inputs.ready;
    m.valid_i = inputs.beat.has_value();
    const Beat& beat = inputs.beat ? *inputs.beat : kNoBeat;
    put_words(m.data_i, beat);
    m.mask_i = static_cast<std::uint8_t>(beat.mask);
    m.last_i = beat.last;
  }

  static Stages::View view(const Model& m, std::size_t row) {
    Stages::View view{.ready = m.ready_o[row] != 0};
    if (m.valid_o[row]) {
      view.output = beat_of_words(m.data_o[row], m.mask_o[row], m.last_o[row] != 0);
    }
    return view;
  }
};

template class StreamBank<Stages>;

}  // namespace gradpath::verify
