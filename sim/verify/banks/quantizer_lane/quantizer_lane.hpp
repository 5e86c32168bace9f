#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/verify/banks/rows.hpp"
#include "sim/verify/banks/waveform.hpp"

namespace gradpath::verify {

/// Every rtl/quantizer_lane.sv that was built (quantizer_lane_table.sv), each with both ways of
/// overflow. One object a thread.
class QuantizerBank {
 public:
  QuantizerBank();
  ~QuantizerBank();
  QuantizerBank(QuantizerBank&&) noexcept;
  QuantizerBank& operator=(QuantizerBank&&) noexcept;

  [[nodiscard]] const std::vector<QuantizerRow>& rows() const;
  /// Codes of fp32 bit patterns times 2^scale_exponent (-128..127; ignored by a row without a
  /// scale). words: 32 random bits each, of which the lane takes the top ones. Spans of one size.
  void cast(std::size_t row, int scale_exponent, std::span<const std::uint32_t> x,
            std::span<const std::uint32_t> words, std::span<std::uint8_t> standard,
            std::span<std::uint8_t> saturated);
  /// The tick of the bank, from its making on, that evaluated element i of the last call.
  [[nodiscard]] std::uint64_t tick_of(std::size_t i) const;
  /// Shows the row and the inputs that all share; null: nothing.
  void watch(Waveform* wave, std::size_t row);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
