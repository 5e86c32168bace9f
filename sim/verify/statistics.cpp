#include "sim/verify/statistics.hpp"

#include <Vstatistics_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vstatistics_bank__Syms.h>
#endif
#include <fmt/format.h>

#include "sim/verify/bank_model.hpp"
#include "sim/verify/rows.hpp"

namespace gradpath::verify {

struct StatisticsBank::Impl : BankModel<Vstatistics_bank> {
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

  std::vector<Row> rows;
};

StatisticsBank::StatisticsBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.rst_ni = 0;
  model.clk_i = 0;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    const std::uint64_t bits = model.row_o;
    const auto low = static_cast<std::uint32_t>(bits);
    Row entry{.unit = static_cast<Unit>(bits >> 40 & 0xff), .lanes = bits >> 32 & 0xff};
    if (entry.unit == Unit::amax) {
      entry.format = row_quantizer(low).format;
    } else {
      entry.max_elements = (std::size_t{1} << (low & 0xff)) - 1;
    }
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

std::uint64_t StatisticsBank::ticks() const { return impl_->ticks(); }

std::optional<std::uint64_t> StatisticsBank::failed_assertion() const {
  return impl_->failed_assertion();
}

void StatisticsBank::watch(Waveform* wave, std::size_t row) {
  impl_->watch(wave, "statistics_bank", {fmt::format("gen_rows[{}]", row)});
}

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
