#pragma once

#include <string>
#include <utility>

#include "sim/verify/banks/bank_model.hpp"
#include "sim/verify/banks/stream_bank.hpp"

// What the .cpp of a module needs to make its StreamBank: a specialisation of Pins and then
// `template class StreamBank<Module>;`. The bank is a module with a bit of clk_i for each row,
// rst_ni, and its table behind row_count_o and row_i.

namespace gradpath::verify {

/// using Model, its Verilated bank; kName, the bank's name; row(model) of the row_i that is set;
/// seed(model, Seeds); set(model, Inputs); view(model, row).
template <class Module>
struct Pins;

template <class Module>
struct StreamBank<Module>::Impl : BankModel<typename Pins<Module>::Model> {
  std::vector<Row> rows;
};

template <class Module>
StreamBank<Module>::StreamBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    impl_->rows.push_back(Pins<Module>::row(std::as_const(model)));
  }
}
template <class Module>
StreamBank<Module>::~StreamBank() = default;
template <class Module>
StreamBank<Module>::StreamBank(StreamBank&&) noexcept = default;
template <class Module>
StreamBank<Module>& StreamBank<Module>::operator=(StreamBank&&) noexcept = default;

template <class Module>
auto StreamBank<Module>::rows() const -> const std::vector<Row>& {
  return impl_->rows;
}

template <class Module>
void StreamBank<Module>::reset(std::size_t row, const Seeds& seeds, const Inputs& inputs) {
  Pins<Module>::seed(impl_->model, seeds);
  impl_->model.rst_ni = 0;
  cycle(row, inputs);
  impl_->model.rst_ni = 1;
}

template <class Module>
auto StreamBank<Module>::view(std::size_t row) const -> View {
  return Pins<Module>::view(std::as_const(impl_->model), row);
}

template <class Module>
void StreamBank<Module>::drive(const Inputs& inputs) {
  Pins<Module>::set(impl_->model, inputs);
  impl_->model.eval();
}

template <class Module>
void StreamBank<Module>::cycle(std::size_t row, const Inputs& inputs) {
  Pins<Module>::set(impl_->model, inputs);
  impl_->clock(row);
}

template <class Module>
std::uint64_t StreamBank<Module>::ticks() const {
  return impl_->ticks();
}

template <class Module>
const std::optional<std::uint64_t>& StreamBank<Module>::failed_assertion() const {
  return impl_->failed_assertion();
}

template <class Module>
void StreamBank<Module>::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, Pins<Module>::kName, {"gen_rows[" + std::to_string(row) + "]"});
}

}  // namespace gradpath::verify
