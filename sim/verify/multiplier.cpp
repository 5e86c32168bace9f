#include "sim/verify/multiplier.hpp"

#include <Vmultiplier_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vmultiplier_bank__Syms.h>
#endif

#include "sim/verify/coverage.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct MultiplierBank::Impl {
  // A model unregisters from the thread's context, which must not be one that is gone.
  ~Impl() {
    add_coverage(model);
    Verilated::threadContextp(&context);
  }

  VerilatedContext context;
  Vmultiplier_bank model{&context};
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
  model.eval();
  return {.negative = model.sign_o[row] != 0,
          .exponent = model.exponent_o[row],
          .significand = model.significand_o[row]};
}

}  // namespace gradpath::verify
