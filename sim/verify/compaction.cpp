#include "sim/verify/compaction.hpp"

#include <cstdint>

#include <Vcompaction_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vcompaction_bank__Syms.h>
#endif
#include <fmt/format.h>

#include "sim/verify/bank_model.hpp"
#include "sim/verify/packed_beats.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct CompactionBank::Impl : BankModel<Vcompaction_bank> {
  void idle() {
    model.valid_i = 0;
    model.bitmap_ready_i = 0;
    model.codes_ready_i = 0;
    model.unpack_bitmap_valid_i = 0;
    model.unpack_codes_valid_i = 0;
    model.unpacked_ready_i = 0;
  }

  void set_pack(const std::optional<Beat>& input, bool bitmap_ready, bool codes_ready) {
    model.valid_i = input.has_value();
    if (input) {
      model.data_i = pack_codes_of(*input);
      model.mask_i = static_cast<std::uint8_t>(input->mask);
      model.last_i = input->last;
    }
    model.bitmap_ready_i = bitmap_ready;
    model.codes_ready_i = codes_ready;
  }

  void set_unpack(const std::optional<Beat>& bitmap, const std::optional<Beat>& codes, bool ready) {
    model.unpack_bitmap_valid_i = bitmap.has_value();
    if (bitmap) {
      model.unpack_bitmap_i = bits_of(*bitmap);
      model.unpack_bitmap_mask_i = static_cast<std::uint8_t>(bitmap->mask);
      model.unpack_bitmap_last_i = bitmap->last;
    }
    model.unpack_codes_valid_i = codes.has_value();
    if (codes) {
      model.unpack_codes_i = pack_codes_of(*codes);
      model.unpack_codes_mask_i = static_cast<std::uint8_t>(codes->mask);
      model.unpack_codes_last_i = codes->last;
    }
    model.unpacked_ready_i = ready;
  }

  std::vector<Row> rows;
};

CompactionBank::CompactionBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    impl_->rows.push_back({row_quantizer(model.row_o).format, model.row_o & 0xffu});
  }
}
CompactionBank::~CompactionBank() = default;
CompactionBank::CompactionBank(CompactionBank&&) noexcept = default;
CompactionBank& CompactionBank::operator=(CompactionBank&&) noexcept = default;

const std::vector<CompactionBank::Row>& CompactionBank::rows() const { return impl_->rows; }

void CompactionBank::reset(std::size_t row) {
  impl_->idle();
  impl_->model.rst_ni = 0;
  impl_->clock(row);
  impl_->model.rst_ni = 1;
}

CompactionBank::PackView CompactionBank::pack_view(std::size_t row) const {
  const auto& m = impl_->model;
  PackView view{.ready = m.ready_o[row] != 0, .bitmap = {}, .codes = {}};
  if (m.bitmap_valid_o[row]) {
    view.bitmap = beat_of_bits(m.bitmap_o[row], m.bitmap_mask_o[row], m.bitmap_last_o[row] != 0);
  }
  if (m.codes_valid_o[row]) {
    view.codes = beat_of_codes(m.codes_o[row], m.codes_mask_o[row], m.codes_last_o[row] != 0);
  }
  return view;
}

void CompactionBank::pack_cycle(std::size_t row, const std::optional<Beat>& input,
                                bool bitmap_ready, bool codes_ready) {
  impl_->set_pack(input, bitmap_ready, codes_ready);
  impl_->clock(row);
}

CompactionBank::UnpackView CompactionBank::unpack_view(std::size_t row) const {
  const auto& m = impl_->model;
  UnpackView view{.bitmap_ready = m.unpack_bitmap_ready_o[row] != 0,
                  .codes_ready = m.unpack_codes_ready_o[row] != 0,
                  .output = {}};
  if (m.unpacked_valid_o[row]) {
    view.output =
        beat_of_codes(m.unpacked_o[row], m.unpacked_mask_o[row], m.unpacked_last_o[row] != 0);
  }
  return view;
}

void CompactionBank::unpack_cycle(std::size_t row, const std::optional<Beat>& bitmap,
                                  const std::optional<Beat>& codes, bool ready) {
  impl_->set_unpack(bitmap, codes, ready);
  impl_->clock(row);
}

void CompactionBank::drive_pack(const std::optional<Beat>& input, bool bitmap_ready,
                                bool codes_ready) {
  impl_->set_pack(input, bitmap_ready, codes_ready);
  impl_->model.eval();
}

void CompactionBank::drive_unpack(const std::optional<Beat>& bitmap,
                                  const std::optional<Beat>& codes, bool ready) {
  impl_->set_unpack(bitmap, codes, ready);
  impl_->model.eval();
}

std::uint64_t CompactionBank::ticks() const { return impl_->ticks(); }

std::optional<std::uint64_t> CompactionBank::failed_assertion() const {
  return impl_->failed_assertion();
}

void CompactionBank::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, "compaction_bank", {fmt::format("gen_rows[{}]", row)});
}

}  // namespace gradpath::verify
