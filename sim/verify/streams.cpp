#include "sim/verify/streams.hpp"

#include <Vstream_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vstream_bank__Syms.h>
#endif
#include <fmt/format.h>

#include "sim/verify/bank_model.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct StreamBank::Impl : BankModel<Vstream_bank> {
  void set_pins(const std::optional<Beat>& input, bool ready) {
    model.valid_i = input.has_value();
    if (input) {
      for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) model.data_i[i] = input->data[i];
      model.mask_i = static_cast<std::uint8_t>(input->mask);
      model.last_i = input->last;
    }
    model.ready_i = ready;
  }

  std::vector<StreamRow> rows;
};

StreamBank::StreamBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.rst_ni = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    const std::uint64_t bits = model.row_o;
    const auto low = static_cast<std::uint32_t>(bits);
    StreamRow entry;
    entry.is_pruner = (bits >> 44 & 0xf) == 1;
    entry.lanes = bits >> 32 & 0xff;
    if (entry.is_pruner) {
      entry.rounding = {.mode = Rounding::Mode::sr, .random_bits = static_cast<int>(low & 0xff)};
    } else {
      const QuantizerRow quantizer = row_quantizer(low);
      entry.format = quantizer.format;
      entry.rounding = quantizer.rounding;
      entry.scaled = quantizer.scaled;
      entry.overflow = (bits >> 40 & 0xf) == 1 ? Overflow::saturate : Overflow::standard;
    }
    impl_->rows.push_back(entry);
  }
}
StreamBank::~StreamBank() = default;
StreamBank::StreamBank(StreamBank&&) noexcept = default;
StreamBank& StreamBank::operator=(StreamBank&&) noexcept = default;

const std::vector<StreamRow>& StreamBank::rows() const { return impl_->rows; }

void StreamBank::reset(std::size_t row, std::span<const std::uint32_t> seeds) {
  auto& model = impl_->model;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) {
    model.seed_i[i] = i < seeds.size() ? seeds[i] : 0;
  }
  drive(std::nullopt, false);
  model.rst_ni = 0;
  impl_->clock(row);
  model.rst_ni = 1;
}

void StreamBank::set_alpha(std::uint32_t alpha) { impl_->model.alpha_i = alpha & 0x7fffffffu; }

void StreamBank::set_scale_exponent(int scale_exponent) {
  impl_->model.scale_exponent_i = static_cast<std::uint8_t>(scale_exponent);
}

bool StreamBank::ready(std::size_t row) const { return impl_->model.ready_o[row] != 0; }

std::optional<Beat> StreamBank::output(std::size_t row) const {
  const auto& model = impl_->model;
  if (model.valid_o[row] == 0) return std::nullopt;
  Beat beat;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) beat.data[i] = model.data_o[row][i];
  beat.mask = model.mask_o[row];
  beat.last = model.last_o[row] != 0;
  return beat;
}

void StreamBank::drive(const std::optional<Beat>& input, bool ready) {
  impl_->set_pins(input, ready);
  impl_->model.eval();
}

void StreamBank::cycle(std::size_t row, const std::optional<Beat>& input, bool ready) {
  impl_->set_pins(input, ready);
  impl_->clock(row);
}

std::uint64_t StreamBank::ticks() const { return impl_->ticks(); }

std::optional<std::uint64_t> StreamBank::failed_assertion() const {
  return impl_->failed_assertion();
}

void StreamBank::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, "stream_bank", {fmt::format("gen_rows[{}]", row)});
}

void StreamBank::watch_lfsr(Waveform* wave) { impl_->watch(wave, "stream_bank", {"u_lfsr"}); }

void StreamBank::lfsr_reset(std::uint32_t seed) {
  auto& model = impl_->model;
  model.seed_i[0] = seed;
  model.rst_ni = 0;
  lfsr_cycle(false);
  model.rst_ni = 1;
}

void StreamBank::lfsr_cycle(bool step) {
  auto& model = impl_->model;
  impl_->tick(
      [&] {
        model.lfsr_step_i = step;
        model.lfsr_clk_i = 0;
      },
      [&] { model.lfsr_clk_i = 1; });
}

std::uint32_t StreamBank::lfsr_word() const { return impl_->model.lfsr_word_o; }

}  // namespace gradpath::verify
