#pragma once

#include <vector>

#include "models/stats/tensor_source.hpp"

namespace gradpath {

class SortedMagnitudes;

/// What remains of a tensor's finite nonzeros when only counts by sign, exponent and
/// `mantissa_bits` (0 to 7) leading fraction bits are kept, as hardware would: the elements of each
/// bucket spread evenly over it, at (i + 1/2) / n of its width. std::invalid_argument outside 0
/// to 7.
[[nodiscard]] std::vector<float> histogram_stand_in(const TensorSource& source, int mantissa_bits);

/// The `p` quantile, 0 <= p <= 1, of |x| over the finite nonzeros: linear between the order
/// statistics around (n - 1) p, as numpy does. NaN if there are none.
[[nodiscard]] double magnitude_quantile(const SortedMagnitudes& sorted, double p);

}  // namespace gradpath
