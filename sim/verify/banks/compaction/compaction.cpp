#include "sim/verify/banks/compaction/compaction.hpp"

#include <Vcompaction_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vcompaction_bank__Syms.h>
#endif

#include "sim/verify/banks/rows.hpp"
#include "sim/verify/banks/stream_bank_model.hpp"

namespace gradpath::verify {
namespace {

// One bank holds both; the module that nobody asks of gets no beat.
struct CompactionPins {
  using Model = Vcompaction_bank;
  static constexpr const char* kName = "compaction_bank";
  static constexpr std::size_t kCodeBits = 8;

  static CompactionRow row(const Model& m) {
    return {row_quantizer(m.row_o).format, m.row_o & 0xffu};
  }
  template <class Seeds>
  static void seed(Model&, const Seeds&) {}
};

}  // namespace

template <>
struct Pins<Compactor> : CompactionPins {
  static void set(Model& m, const Compactor::Inputs& inputs) {
    m.bitmap_ready_i = inputs.bitmap_ready;
    m.codes_ready_i = inputs.codes_ready;
    m.valid_i = inputs.beat.has_value();
    const Beat& beat = inputs.beat ? *inputs.beat : kNoBeat;
    put_bits(m.data_i, kCodeBits, beat);
    m.mask_i = static_cast<std::uint8_t>(beat.mask);
    m.last_i = beat.last;
  }

  static Compactor::View view(const Model& m, std::size_t row) {
    Compactor::View view{.ready = m.ready_o[row] != 0};
    if (m.bitmap_valid_o[row]) {
      view.bitmap =
          beat_of_bits(m.bitmap_o[row], 1, m.bitmap_mask_o[row], m.bitmap_last_o[row] != 0);
    }
    if (m.codes_valid_o[row]) {
      view.codes =
          beat_of_bits(m.codes_o[row], kCodeBits, m.codes_mask_o[row], m.codes_last_o[row] != 0);
    }
    return view;
  }
};

template <>
struct Pins<Decompactor> : CompactionPins {
  static void set(Model& m, const Decompactor::Inputs& inputs) {
    m.unpack_bitmap_valid_i = inputs.bitmap.has_value();
    const Beat& bitmap = inputs.bitmap ? *inputs.bitmap : kNoBeat;
    put_bits(m.unpack_bitmap_i, 1, bitmap);
    m.unpack_bitmap_mask_i = static_cast<std::uint8_t>(bitmap.mask);
    m.unpack_bitmap_last_i = bitmap.last;
    m.unpack_codes_valid_i = inputs.codes.has_value();
    const Beat& codes = inputs.codes ? *inputs.codes : kNoBeat;
    put_bits(m.unpack_codes_i, kCodeBits, codes);
    m.unpack_codes_mask_i = static_cast<std::uint8_t>(codes.mask);
    m.unpack_codes_last_i = codes.last;
    m.unpacked_ready_i = inputs.ready;
  }

  static Decompactor::View view(const Model& m, std::size_t row) {
    Decompactor::View view{.bitmap_ready = m.unpack_bitmap_ready_o[row] != 0,
                           .codes_ready = m.unpack_codes_ready_o[row] != 0};
    if (m.unpacked_valid_o[row]) {
      view.output = beat_of_bits(m.unpacked_o[row], kCodeBits, m.unpacked_mask_o[row],
                                 m.unpacked_last_o[row] != 0);
    }
    return view;
  }
};

template class StreamBank<Compactor>;
template class StreamBank<Decompactor>;

}  // namespace gradpath::verify
