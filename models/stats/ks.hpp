#pragma once

#include <functional>
#include <span>

#include "models/stats/sorted.hpp"

namespace gradpath {

/// A distribution function whose Kolmogorov-Smirnov distance from a tensor is wanted.
struct KsLaw {
  double* distance;                       ///< is filled
  std::function<double(float)> cdf = {};  ///< at a positive value; of |x|, or of x, ...
  /// ... where there is one for negative values too: at minus its argument, which is positive.
  std::function<double(float)> cdf_of_negative = {};
};

/// D = sup over all x of |ECDF(x) - CDF(x)| of a tensor's finite nonzeros (their magnitudes, or
/// their signed values) against each law, on both sides of every step, exact with ties. Both
/// functions only grow, so inside a bucket D is at most the ECDF above it less the CDF below it, or
/// the other way round; buckets that cannot beat the largest difference between them are not read.
/// That changes the cost (about 1 % of the CDF calls), not the result.
void ks_distances(const SortedMagnitudes& sorted, std::span<const KsLaw> laws);

}  // namespace gradpath
