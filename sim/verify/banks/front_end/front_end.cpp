#include "sim/verify/banks/front_end/front_end.hpp"

#include <Vfront_end_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vfront_end_bank__Syms.h>
#endif

#include "sim/verify/banks/stream_bank_model.hpp"

namespace gradpath::verify {

template <>
struct Pins<FrontEnd> {
  using Model = Vfront_end_bank;
  static constexpr const char* kName = "front_end_bank";

  static FrontEnd::Row row(const Model& m) {
    const std::uint64_t bits = m.row_o;
    const std::uint64_t unit = m.unit_o;
    return {.lanes = bits >> 32 & 0xff,
            .quantizer = row_quantizer(static_cast<std::uint32_t>(bits)),
            .uses_logs = unit >> 32 == 1,
            .pruner_random_bits = static_cast<int>(unit & 0xff),
            .histogram = {.mantissa_bits = static_cast<int>(m.histogram_bits_o),
                          .first_field = static_cast<int>(unit >> 24 & 0xff),
                          .binades = static_cast<int>(unit >> 16 & 0xff)},
            .max_elements = (std::size_t{1} << (unit >> 8 & 0xff)) - 1};
  }

  static void seed(Model& m, const FrontEnd::Seeds& seeds) {
    const auto put = [](auto& pins, const std::vector<std::uint32_t>& of_lanes) {
      for (std::size_t i = 0; i < kWords<std::remove_reference_t<decltype(pins)>>; ++i) {
        pins[i] = i < of_lanes.size() ? of_lanes[i] : 0;
      }
    };
    put(m.pruner_seed_i, seeds.pruner);
    put(m.quantizer_seed_i, seeds.quantizer);
  }

  static void set(Model& m, const FrontEnd::Inputs& inputs) {
    m.valid_i = inputs.beat.has_value();
    const Beat& beat = inputs.beat ? *inputs.beat : kNoBeat;
    put_words(m.data_i, beat);
    m.mask_i = static_cast<std::uint8_t>(beat.mask);
    m.last_i = beat.last;
    m.target_i = inputs.target;
    m.adapt_i = inputs.adapt;
    m.load_i = inputs.load.has_value();
    const FrontEnd::Setting load =
        inputs.load.value_or(FrontEnd::Setting{.alpha = 0x7f7fffff, .scale_exponent = -128});
    m.alpha_i = load.alpha;
    m.scale_exponent_i = static_cast<std::uint8_t>(load.scale_exponent);
    m.bitmap_ready_i = inputs.bitmap_ready;
    m.codes_ready_i = inputs.codes_ready;
  }

  static FrontEnd::View view(const Model& m, std::size_t row) {
    FrontEnd::View view{
        .ready = m.ready_o[row] != 0,
        .setting = {.alpha = m.alpha_o[row],
                    .scale_exponent = static_cast<std::int8_t>(m.scale_exponent_o[row])}};
    if (m.bitmap_valid_o[row]) {
      view.bitmap =
          beat_of_bits(m.bitmap_o[row], 1, m.bitmap_mask_o[row], m.bitmap_last_o[row] != 0);
    }
    if (m.codes_valid_o[row]) {
      view.codes = beat_of_bits(m.codes_o[row], 8, m.codes_mask_o[row], m.codes_last_o[row] != 0);
    }
    return view;
  }
};

template class StreamBank<FrontEnd>;

}  // namespace gradpath::verify
