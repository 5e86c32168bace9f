#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/format/format.hpp"

namespace gradpath::verify {

/// Every rtl/multiplier.sv that was built (harness/multiplier_bank.sv). One object a thread.
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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
