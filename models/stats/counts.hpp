#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// What a tensor holds, from one pass without sorting. numel = zeros + infs + nans + finite
/// nonzeros.
struct TensorCounts {
  std::uint64_t numel = 0;
  std::uint64_t zeros = 0;       ///< of either sign
  std::uint64_t subnormals = 0;  ///< nonzero with exponent field 0, as fp32
  std::uint64_t infs = 0;        ///< of either sign
  std::uint64_t nans = 0;
  /// Smallest and largest |x| of the finite nonzeros; NaN if there are none.
  double abs_min = std::numeric_limits<double>::quiet_NaN();
  double abs_max = std::numeric_limits<double>::quiet_NaN();

  /// Finite nonzeros (subnormals among them): what every fit is made of.
  [[nodiscard]] constexpr std::uint64_t nonzeros() const { return numel - zeros - infs - nans; }
  /// Largest finite |x|; 0 if there is no finite nonzero. This is what scale policies read.
  [[nodiscard]] constexpr double amax() const { return nonzeros() == 0 ? 0.0 : abs_max; }
};

/// Counts in one pass, at about the speed of reading memory. Any length, also 0.
[[nodiscard]] TensorCounts count_tensor(const TensorSource& source);
[[nodiscard]] TensorCounts count_tensor(std::span<const float> values);

}  // namespace gradpath
