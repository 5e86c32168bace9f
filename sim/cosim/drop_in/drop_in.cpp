#include "sim/cosim/drop_in/drop_in.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include <Vdrop_in_bank.h>

#include "sim/verify/banks/bank_model.hpp"
#include "sim/verify/banks/rows.hpp"

namespace gradpath::verify {

struct DropInBank::Impl : BankModel<Vdrop_in_bank> {
  ~Impl() { end_watch(); }  // before its file goes

  [[nodiscard]] std::uint32_t clock_bit(Module module) const {
    const auto& row = selected[static_cast<std::size_t>(module)];
    return row ? 1u << *row : 0u;
  }
  [[nodiscard]] std::size_t row(Module module) const {
    return *selected[static_cast<std::size_t>(module)];
  }

  void set_clocks(std::uint32_t pruner, std::uint32_t quantizer, std::uint32_t compactor) {
    using P = std::remove_reference_t<decltype(model.pruner_clk_i)>;
    using Q = std::remove_reference_t<decltype(model.quantizer_clk_i)>;
    using C = std::remove_reference_t<decltype(model.compactor_clk_i)>;
    model.pruner_clk_i = static_cast<P>(pruner);
    model.quantizer_clk_i = static_cast<Q>(quantizer);
    model.compactor_clk_i = static_cast<C>(compactor);
  }

  void edge(std::uint32_t pruner, std::uint32_t quantizer, std::uint32_t compactor) {
    tick([&] { set_clocks(0, 0, 0); }, [&] { set_clocks(pruner, quantizer, compactor); });
  }

  std::unique_ptr<Waveform> wave;
  std::array<std::vector<DropInRow>, kModules> rows;
  std::array<std::optional<std::size_t>, kModules> selected;
  std::uint64_t base = 0;  ///< the tick after the last reset
};

DropInBank::DropInBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  impl_->set_clocks(0, 0, 0);
  model.eval();
  const auto read = [&](std::size_t module, std::uint32_t count, auto make) {
    for (std::uint32_t row = 0; row < count; ++row) {
      model.row_i = row;
      model.eval();
      impl_->rows[module].push_back(make());
    }
  };
  read(0, model.pruner_count_o, [&] {
    const std::uint32_t bits = model.pruner_row_o;
    return DropInRow{
        .lanes = bits >> 8,
        .rounding = {.mode = Rounding::Mode::sr, .random_bits = static_cast<int>(bits & 0xff)}};
  });
  read(1, model.quantizer_count_o, [&] {
    const std::uint64_t bits = model.quantizer_row_o;
    const QuantizerRow row = row_quantizer(static_cast<std::uint32_t>(bits));
    return DropInRow{.lanes = static_cast<std::uint32_t>(bits >> 32 & 0xff),
                     .format = row.format,
                     .rounding = row.rounding,
                     .overflow = (bits >> 40 & 0xf) == 1 ? Overflow::saturate : Overflow::standard};
  });
  read(2, model.compactor_count_o, [&] {
    const std::uint32_t bits = model.compactor_row_o;
    return DropInRow{.lanes = bits >> 8,
                     .code_bits = static_cast<int>(bits >> 1 & 0x7f),
                     .negative_zero = (bits & 1) != 0};
  });
}
DropInBank::~DropInBank() = default;

const std::vector<DropInRow>& DropInBank::rows(Module module) const {
  return impl_->rows[static_cast<std::size_t>(module)];
}

void DropInBank::select(Module module, std::size_t row) {
  impl_->selected[static_cast<std::size_t>(module)] = row;
}

void DropInBank::reset(Module module, std::span<const std::uint32_t> seeds) {
  auto& model = impl_->model;
  Beat of_lanes;
  std::copy(seeds.begin(), seeds.end(), of_lanes.data.begin());
  if (module == Module::pruner) put_words(model.pruner_seed_i, of_lanes);
  if (module == Module::quantizer) put_words(model.quantizer_seed_i, of_lanes);
  drive(module, nullptr, {false, false});
  const auto set_reset = [&](bool released) {
    if (module == Module::pruner) model.pruner_rst_ni = released;
    if (module == Module::quantizer) model.quantizer_rst_ni = released;
    if (module == Module::compactor) model.compactor_rst_ni = released;
  };
  const auto bit_if = [&](Module m) { return m == module ? impl_->clock_bit(m) : 0u; };
  set_reset(false);
  for (int i = 0; i < 2; ++i) {
    impl_->edge(bit_if(Module::pruner), bit_if(Module::quantizer), bit_if(Module::compactor));
  }
  set_reset(true);
  impl_->base = impl_->ticks();
}

void DropInBank::set_alpha(std::uint32_t alpha) {
  impl_->model.pruner_alpha_i = alpha & 0x7fffffffu;
}
void DropInBank::set_scale_exponent(int scale_exponent) {
  impl_->model.quantizer_scale_exponent_i = static_cast<std::uint8_t>(scale_exponent);
}

bool DropInBank::ready(Module module) const {
  const auto& model = impl_->model;
  const std::size_t row = impl_->row(module);
  switch (module) {
    case Module::pruner:
      return model.pruner_ready_o[row] != 0;
    case Module::quantizer:
      return model.quantizer_ready_o[row] != 0;
    case Module::compactor:
      break;
  }
  return model.compactor_ready_o[row] != 0;
}

std::optional<Beat> DropInBank::output(Module module, std::size_t port) const {
  const auto& m = impl_->model;
  const std::size_t row = impl_->row(module);
  if (module == Module::pruner) {
    if (m.pruner_valid_o[row] == 0) return std::nullopt;
    return beat_of_words(m.pruner_data_o[row], m.pruner_mask_o[row], m.pruner_last_o[row] != 0);
  }
  if (module == Module::quantizer) {
    if (m.quantizer_valid_o[row] == 0) return std::nullopt;
    return beat_of_words(m.quantizer_data_o[row], m.quantizer_mask_o[row],
                         m.quantizer_last_o[row] != 0);
  }
  if (port == 1) {
    if (m.compactor_codes_valid_o[row] == 0) return std::nullopt;
    return beat_of_words(m.compactor_codes_o[row], m.compactor_codes_mask_o[row],
                         m.compactor_codes_last_o[row] != 0);
  }
  if (m.compactor_bitmap_valid_o[row] == 0) return std::nullopt;
  Beat beat{.data = {},
            .mask = m.compactor_bitmap_mask_o[row],
            .last = m.compactor_bitmap_last_o[row] != 0};
  const std::uint32_t bits = m.compactor_bitmap_o[row];
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) beat.data[i] = bits >> i & 1;
  return beat;
}

void DropInBank::drive(Module module, const Beat* input, const std::array<bool, 2>& ready) {
  auto& m = impl_->model;
  const bool valid = input != nullptr;
  switch (module) {
    case Module::pruner:
      m.pruner_valid_i = valid;
      m.pruner_ready_i = ready[0];
      if (!valid) return;
      put_words(m.pruner_data_i, *input);
      m.pruner_mask_i = static_cast<std::uint16_t>(input->mask);
      m.pruner_last_i = input->last;
      return;
    case Module::quantizer:
      m.quantizer_valid_i = valid;
      m.quantizer_ready_i = ready[0];
      if (!valid) return;
      put_words(m.quantizer_data_i, *input);
      m.quantizer_mask_i = static_cast<std::uint16_t>(input->mask);
      m.quantizer_last_i = input->last;
      return;
    case Module::compactor:
      m.compactor_valid_i = valid;
      m.compactor_bitmap_ready_i = ready[0];
      m.compactor_codes_ready_i = ready[1];
      if (!valid) return;
      put_words(m.compactor_data_i, *input);
      m.compactor_mask_i = static_cast<std::uint16_t>(input->mask);
      m.compactor_last_i = input->last;
      return;
  }
}

void DropInBank::clock(std::uint64_t cycle) {
  impl_->skip_to(impl_->base + cycle);
  impl_->edge(impl_->clock_bit(Module::pruner), impl_->clock_bit(Module::quantizer),
              impl_->clock_bit(Module::compactor));
}

bool DropInBank::assertion_failed() const { return impl_->failed_assertion().has_value(); }

void DropInBank::trace(const std::string& path) {
  constexpr Window kAll{.first = 0, .last = std::numeric_limits<std::uint64_t>::max()};
  impl_->wave = std::make_unique<Waveform>(path, kAll);
  impl_->watch(impl_->wave.get(), "", {});
}

void DropInBank::end_trace() {
  impl_->end_watch();
  impl_->wave.reset();
}

}  // namespace gradpath::verify
