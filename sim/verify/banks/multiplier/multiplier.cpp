#include "sim/verify/banks/multiplier/multiplier.hpp"

#include <Vmultiplier_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vmultiplier_bank__Syms.h>
#endif
#include <fmt/format.h>

#include "sim/verify/banks/bank_model.hpp"
#include "sim/verify/banks/rows.hpp"

namespace gradpath::verify {

struct MultiplierBank::Impl : BankModel<Vmultiplier_bank> {
  std::vector<Format> rows;
};

MultiplierBank::MultiplierBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    impl_->rows.push_back(row_quantizer(model.row_o).format);
  }
}
MultiplierBank::~MultiplierBank() = default;
MultiplierBank::MultiplierBank(MultiplierBank&&) noexcept = default;
MultiplierBank& MultiplierBank::operator=(MultiplierBank&&) noexcept = default;

const std::vector<Format>& MultiplierBank::rows() const { return impl_->rows; }

MultiplierBank::Product MultiplierBank::multiply(std::size_t row, Code a, Code b) {
  auto& model = impl_->model;
  model.a_i = static_cast<std::uint8_t>(a);
  model.b_i = static_cast<std::uint8_t>(b);
  impl_->evaluate();
  return {.negative = model.sign_o[row] != 0,
          .exponent = model.exponent_o[row],
          .significand = model.significand_o[row]};
}

std::uint64_t MultiplierBank::ticks() const { return impl_->ticks(); }

void MultiplierBank::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, "multiplier_bank", {fmt::format("gen_rows[{}]", row)});
}

}  // namespace gradpath::verify
