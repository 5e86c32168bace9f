#include "sim/verify/front_end.hpp"

#include <Vfront_end_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vfront_end_bank__Syms.h>
#endif
#include <fmt/format.h>

#include "sim/verify/bank_model.hpp"
#include "sim/verify/packed_beats.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct FrontEndBank::Impl : BankModel<Vfront_end_bank> {
  void set_pins(const Inputs& inputs) {
    model.valid_i = inputs.beat.has_value();
    if (inputs.beat) {
      for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) model.data_i[i] = inputs.beat->data[i];
      model.mask_i = static_cast<std::uint8_t>(inputs.beat->mask);
      model.last_i = inputs.beat->last;
    }
    model.target_i = inputs.target;
    model.adapt_i = inputs.adapt;
    model.load_i = inputs.load.has_value();
    if (inputs.load) {
      model.alpha_i = inputs.load->alpha;
      model.scale_exponent_i = static_cast<std::uint8_t>(inputs.load->scale_exponent);
    }
    model.bitmap_ready_i = inputs.bitmap_ready;
    model.codes_ready_i = inputs.codes_ready;
  }

  std::vector<Row> rows;
};

FrontEndBank::FrontEndBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    const std::uint64_t bits = model.row_o;
    const std::uint64_t unit = model.unit_o;
    impl_->rows.push_back({.lanes = bits >> 32 & 0xff,
                           .quantizer = row_quantizer(static_cast<std::uint32_t>(bits)),
                           .uses_logs = unit >> 32 == 1,
                           .pruner_random_bits = static_cast<int>(unit & 0xff),
                           .histogram = {.mantissa_bits = static_cast<int>(model.histogram_bits_o),
                                         .first_field = static_cast<int>(unit >> 24 & 0xff),
                                         .binades = static_cast<int>(unit >> 16 & 0xff)},
                           .max_elements = (std::size_t{1} << (unit >> 8 & 0xff)) - 1});
  }
}
FrontEndBank::~FrontEndBank() = default;
FrontEndBank::FrontEndBank(FrontEndBank&&) noexcept = default;
FrontEndBank& FrontEndBank::operator=(FrontEndBank&&) noexcept = default;

const std::vector<FrontEndBank::Row>& FrontEndBank::rows() const { return impl_->rows; }

void FrontEndBank::reset(std::size_t row, std::span<const std::uint32_t> pruner_seeds,
                         std::span<const std::uint32_t> quantizer_seeds) {
  auto& model = impl_->model;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) {
    model.pruner_seed_i[i] = i < pruner_seeds.size() ? pruner_seeds[i] : 0;
    model.quantizer_seed_i[i] = i < quantizer_seeds.size() ? quantizer_seeds[i] : 0;
  }
  model.rst_ni = 0;
  cycle(row, {});
  model.rst_ni = 1;
}

FrontEndBank::View FrontEndBank::view(std::size_t row) const {
  const auto& m = impl_->model;
  View view{.ready = m.ready_o[row] != 0,
            .setting = {.alpha = m.alpha_o[row],
                        .scale_exponent = static_cast<std::int8_t>(m.scale_exponent_o[row])},
            .bitmap = {},
            .codes = {}};
  if (m.bitmap_valid_o[row]) {
    view.bitmap = beat_of_bits(m.bitmap_o[row], m.bitmap_mask_o[row], m.bitmap_last_o[row] != 0);
  }
  if (m.codes_valid_o[row]) {
    view.codes = beat_of_codes(m.codes_o[row], m.codes_mask_o[row], m.codes_last_o[row] != 0);
  }
  return view;
}

void FrontEndBank::cycle(std::size_t row, const Inputs& inputs) {
  impl_->set_pins(inputs);
  impl_->clock(row);
}

std::uint64_t FrontEndBank::ticks() const { return impl_->ticks(); }

std::optional<std::uint64_t> FrontEndBank::failed_assertion() const {
  return impl_->failed_assertion();
}

void FrontEndBank::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, "front_end_bank", {fmt::format("gen_rows[{}]", row)});
}

}  // namespace gradpath::verify
