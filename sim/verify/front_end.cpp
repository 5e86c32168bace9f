#include "sim/verify/front_end.hpp"

#include <type_traits>

#include <Vfront_end_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vfront_end_bank__Syms.h>
#endif

#include "sim/verify/coverage.hpp"
#include "sim/verify/packed_beats.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct FrontEndBank::Impl {
  // A model unregisters from the thread's context, which must not be one that is gone.
  ~Impl() {
    add_coverage(model);
    Verilated::threadContextp(&context);
  }

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

  // The inputs settle while the clock is low: the properties sample them before the edge.
  void clock(std::size_t row) {
    using Clock = std::remove_reference_t<decltype(model.clk_i)>;
    model.clk_i = 0;
    model.eval();
    model.clk_i = static_cast<Clock>(Clock{1} << row);
    model.eval();
  }

  VerilatedContext context;
  Vfront_end_bank model{&context};
  std::vector<Row> rows;
};

FrontEndBank::FrontEndBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  impl_->context.fatalOnError(false);  // a failed property is a result, not the end of the program
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    const std::uint64_t bits = model.row_o;
    const std::uint32_t histogram = model.histogram_o;
    impl_->rows.push_back({.lanes = bits >> 32 & 0xff,
                           .quantizer = row_quantizer(static_cast<std::uint32_t>(bits)),
                           .uses_logs = (bits >> 40 & 0xff) == 1,
                           .pruner_random_bits = static_cast<int>(model.pruner_random_bits_o),
                           .histogram = {.mantissa_bits = static_cast<int>(histogram >> 8 & 0xff),
                                         .first_field = static_cast<int>(histogram >> 24),
                                         .binades = static_cast<int>(histogram >> 16 & 0xff)}});
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

bool FrontEndBank::assertion_failed() const { return impl_->context.gotError(); }

}  // namespace gradpath::verify
