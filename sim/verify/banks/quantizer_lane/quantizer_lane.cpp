#include "sim/verify/banks/quantizer_lane/quantizer_lane.hpp"

#include <Vquantizer_lane_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vquantizer_lane_bank__Syms.h>
#endif

#include "sim/verify/banks/quantizer_lane/quantizer_model.hpp"

namespace gradpath::verify {

QuantizerBank::QuantizerBank() : impl_(std::make_unique<QuantizerModel<Vquantizer_lane_bank>>()) {}
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
