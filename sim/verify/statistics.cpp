#include "sim/verify/statistics.hpp"

#include <type_traits>

#include <Vstatistics_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vstatistics_bank__Syms.h>
#endif

#include "sim/verify/coverage.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct StatisticsBank::Impl {
  // A model unregisters from the thread's context, which must not be one that is gone.
  ~Impl() {
    add_coverage(model);
    Verilated::threadContextp(&context);
  }

  void set_pins(std::uint16_t target, const std::optional<Beat>& input, bool answer_ready) {
    model.target_i = target;
    model.valid_i = input.has_value();
    if (input) {
      for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) model.data_i[i] = input->data[i];
      model.mask_i = static_cast<std::uint8_t>(input->mask);
      model.last_i = input->last;
    }
    model.ready_i = answer_ready;
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
  Vstatistics_bank model{&context};
  std::vector<Row> rows;
};

StatisticsBank::StatisticsBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  impl_->context.fatalOnError(false);  // a failed property is a result, not the end of the program
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    const std::uint64_t bits = model.row_o;
    const auto low = static_cast<std::uint32_t>(bits);
    Row entry{.unit = static_cast<Unit>(bits >> 40 & 0xff), .lanes = bits >> 32 & 0xff};
    if (entry.unit == Unit::amax) entry.format = row_quantizer(low).format;
    if (entry.unit == Unit::histogram) {
      entry.config = {.mantissa_bits = static_cast<int>(low >> 8 & 0xff),
                      .first_field = static_cast<int>(low >> 24),
                      .binades = static_cast<int>(low >> 16 & 0xff)};
    }
    impl_->rows.push_back(entry);
  }
}
StatisticsBank::~StatisticsBank() = default;
StatisticsBank::StatisticsBank(StatisticsBank&&) noexcept = default;
StatisticsBank& StatisticsBank::operator=(StatisticsBank&&) noexcept = default;

const std::vector<StatisticsBank::Row>& StatisticsBank::rows() const { return impl_->rows; }

void StatisticsBank::reset(std::size_t row) {
  impl_->model.rst_ni = 0;
  cycle(row, 0, std::nullopt, false);
  cycle(row, 0, std::nullopt, false);
  impl_->model.rst_ni = 1;
}

bool StatisticsBank::ready(std::size_t row) const { return impl_->model.ready_o[row] != 0; }

std::optional<StatisticsBank::Answer> StatisticsBank::answer(std::size_t row) const {
  if (impl_->model.valid_o[row] == 0) return std::nullopt;
  const std::uint64_t bits = impl_->model.result_o[row];
  return Answer{.magnitude = static_cast<std::uint32_t>(bits),
                .scale_exponent = static_cast<std::int8_t>(bits >> 32 & 0xff)};
}

void StatisticsBank::drive(std::uint16_t target, const std::optional<Beat>& input,
                           bool answer_ready) {
  impl_->set_pins(target, input, answer_ready);
  impl_->model.eval();
}

void StatisticsBank::cycle(std::size_t row, std::uint16_t target, const std::optional<Beat>& input,
                           bool answer_ready) {
  impl_->set_pins(target, input, answer_ready);
  impl_->clock(row);
}

bool StatisticsBank::assertion_failed() const { return impl_->context.gotError(); }

std::string_view unit_name(StatisticsBank::Unit unit) {
  switch (unit) {
    case StatisticsBank::Unit::amax:
      return "amax_unit";
    case StatisticsBank::Unit::histogram:
      return "threshold_histogram";
    case StatisticsBank::Unit::log:
      return "threshold_log";
  }
  return "";
}

}  // namespace gradpath::verify
