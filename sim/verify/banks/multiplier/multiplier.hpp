#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/format/format.hpp"
#include "sim/verify/banks/waveform.hpp"

namespace gradpath::verify {

/// Every rtl/multiplier.sv that was built (multiplier_table.sv). One object a thread.
class MultiplierBank {
 public:
  /// significand * 2^exponent, exponent counted in fields: rtl/multiplier.sv.
  struct Product {
    bool negative = false;
    int exponent = 0;
    std::uint32_t significand = 0;
  };

  MultiplierBank();
  ~MultiplierBank();
  MultiplierBank(MultiplierBank&&) noexcept;
  MultiplierBank& operator=(MultiplierBank&&) noexcept;

  /// The format of each row.
  [[nodiscard]] const std::vector<Format>& rows() const;
  [[nodiscard]] Product multiply(std::size_t row, Code a, Code b);

  /// Products so far.
  [[nodiscard]] std::uint64_t ticks() const;
  /// Shows the row and the inputs that all share; null: nothing.
  void watch(Waveform* wave, std::size_t row);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
