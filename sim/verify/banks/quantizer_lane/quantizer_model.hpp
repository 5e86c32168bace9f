#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <fmt/format.h>

#include "sim/verify/banks/bank_model.hpp"
#include "sim/verify/banks/quantizer_lane/quantizer_lane.hpp"

namespace gradpath::verify {

struct QuantizerBank::Impl {
  virtual ~Impl() = default;
  virtual void cast(std::size_t row, int scale_exponent, std::span<const std::uint32_t> x,
                    std::span<const std::uint32_t> words, std::span<std::uint8_t> standard,
                    std::span<std::uint8_t> saturated) = 0;
  [[nodiscard]] virtual std::uint64_t tick_of(std::size_t i) const = 0;
  virtual void watch(Waveform* wave, std::size_t row) = 0;
  std::vector<QuantizerRow> rows;
};

/// One Verilated quantizer_lane_bank.sv; a template because each set of its parameters is a
/// type.
template <class Model>
struct QuantizerModel : QuantizerBank::Impl, BankModel<Model> {
  static constexpr std::size_t kInputs =
      std::extent_v<std::remove_reference_t<decltype(Model::x_i)>>;
  static_assert(kInputs > 0);

  using BankModel<Model>::model;

  QuantizerModel() {
    model.clk_i = {};
    model.eval();
    for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
      model.row_i = row;
      model.eval();
      rows.push_back(row_quantizer(model.row_o));
    }
  }

  void cast(std::size_t row, int scale_exponent, std::span<const std::uint32_t> x,
            std::span<const std::uint32_t> words, std::span<std::uint8_t> standard,
            std::span<std::uint8_t> saturated) override {
    before_ = this->ticks();
    model.scale_exponent_i = static_cast<std::uint8_t>(scale_exponent);
    for (std::size_t begin = 0; begin < x.size(); begin += kInputs) {
      const std::size_t count = std::min(kInputs, x.size() - begin);
      for (std::size_t i = 0; i < count; ++i) {
        model.x_i[i] = x[begin + i];
        model.random_i[i] = words[begin + i];
      }
      toggle(row);  // either edge counts
      this->evaluate();
      for (std::size_t i = 0; i < count; ++i) {
        standard[begin + i] = model.standard_o[row][i];
        saturated[begin + i] = model.saturated_o[row][i];
      }
    }
  }

  // A port of more than 64 bits is an array of words.
  void toggle(std::size_t row) {
    using Clock = std::remove_reference_t<decltype(model.clk_i)>;
    if constexpr (std::is_integral_v<Clock>) {
      model.clk_i = static_cast<Clock>(model.clk_i ^ (Clock{1} << row));
    } else {
      model.clk_i[row / 32] ^= 1u << row % 32;
    }
  }

  [[nodiscard]] std::uint64_t tick_of(std::size_t i) const override {
    return before_ + i / kInputs;
  }
  void watch(Waveform* wave, std::size_t row) override {
    BankModel<Model>::watch(wave, "quantizer_lane_bank", {fmt::format("gen_rows[{}]", row)});
  }

  std::uint64_t before_ = 0;  ///< ticks before the last cast
};

}  // namespace gradpath::verify
