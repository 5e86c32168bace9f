// QuantizerBank for exhaustive runs: the named formats alone, each a Verilated model of its own
// with 16 inputs an evaluation. Stands before gradpath::verify in the program gradpath-exhaustive,
// so that the linker takes it in place of quantizer_lane.cpp.
#include <array>
#include <memory>
#include <utility>

#include <Vquantizer_wide_0.h>
#include <Vquantizer_wide_1.h>
#include <Vquantizer_wide_2.h>
#include <Vquantizer_wide_3.h>
#include <Vquantizer_wide_4.h>
#include <Vquantizer_wide_5.h>
#include <Vquantizer_wide_6.h>
#include <Vquantizer_wide_7.h>
#include <Vquantizer_wide_8.h>
#include <Vquantizer_wide_9.h>

#include "sim/verify/banks/quantizer_lane/quantizer_model.hpp"

namespace gradpath::verify {
namespace {

using Maker = std::unique_ptr<QuantizerBank::Impl> (*)();

template <class Model>
std::unique_ptr<QuantizerBank::Impl> make() {
  return std::make_unique<QuantizerModel<Model>>();
}

constexpr std::array<Maker, 10> kMakers = {make<Vquantizer_wide_0>, make<Vquantizer_wide_1>,
                                           make<Vquantizer_wide_2>, make<Vquantizer_wide_3>,
                                           make<Vquantizer_wide_4>, make<Vquantizer_wide_5>,
                                           make<Vquantizer_wide_6>, make<Vquantizer_wide_7>,
                                           make<Vquantizer_wide_8>, make<Vquantizer_wide_9>};

// The rows of all models, one after the other; each model is made when it is first used.
struct WideBanks : QuantizerBank::Impl {
  WideBanks() {
    static const std::vector<std::vector<QuantizerRow>> kRows = [] {
      std::vector<std::vector<QuantizerRow>> all;
      for (const Maker maker : kMakers) all.push_back(maker()->rows);
      return all;
    }();
    for (std::size_t model = 0; model < kRows.size(); ++model) {
      for (std::size_t row = 0; row < kRows[model].size(); ++row) {
        rows.push_back(kRows[model][row]);
        places.emplace_back(model, row);
      }
    }
  }

  void cast(std::size_t row, int scale_exponent, std::span<const std::uint32_t> x,
            std::span<const std::uint32_t> words, std::span<std::uint8_t> standard,
            std::span<std::uint8_t> saturated) override {
    use(row).cast(places[row].second, scale_exponent, x, words, standard, saturated);
  }
  [[nodiscard]] std::uint64_t tick_of(std::size_t i) const override {
    return models[used]->tick_of(i);
  }
  void watch(Waveform* wave, std::size_t row) override { use(row).watch(wave, places[row].second); }

  QuantizerBank::Impl& use(std::size_t row) {
    used = places[row].first;
    if (models[used] == nullptr) models[used] = kMakers[used]();
    return *models[used];
  }

  std::vector<std::pair<std::size_t, std::size_t>> places;
  std::array<std::unique_ptr<QuantizerBank::Impl>, kMakers.size()> models;
  std::size_t used = 0;  ///< the model of the last call
};

}  // namespace

QuantizerBank::QuantizerBank() : impl_(std::make_unique<WideBanks>()) {}
QuantizerBank::~QuantizerBank() = default;
QuantizerBank::QuantizerBank(QuantizerBank&&) noexcept = default;
QuantizerBank& QuantizerBank::operator=(QuantizerBank&&) noexcept = default;

const std::vector<QuantizerRow>& QuantizerBank::rows() const { return impl_->rows; }

void QuantizerBank::cast(std::size_t row, int scale_exponent, std::span<const std::uint32_t> x,
                         std::span<const std::uint32_t> words, std::span<std::uint8_t> standard,
                         std::span<std::uint8_t> saturated) {
  impl_->cast(row, scale_exponent, x, words, standard, saturated);
}

std::uint64_t QuantizerBank::tick_of(std::size_t i) const { return impl_->tick_of(i); }

void QuantizerBank::watch(Waveform* wave, std::size_t row) { impl_->watch(wave, row); }

}  // namespace gradpath::verify
