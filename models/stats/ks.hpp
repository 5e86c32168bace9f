#pragma once

#include <algorithm>
#include <cstddef>

namespace gradpath {

/// Kolmogorov-Smirnov distance D = sup over all x of |ECDF(x) - CDF(x)| for a sample given by its
/// distinct points in ascending order:
///   below(k), up_to(k): number of sample values < point k, <= point k (points without a sample
///     value are allowed: the ECDF has no step there)
///   cdf(k): the distribution function at point k, non-decreasing in k
///   total: number of sample values, > 0
/// Both functions only grow, so between two points D is at most the ECDF above less the CDF below,
/// or the other way round; stretches that cannot beat the largest difference found so far are not
/// evaluated. That changes the cost (about 1 % of the CDF calls), not the result.
template <class Below, class UpTo, class Cdf>
[[nodiscard]] double ks_distance(std::size_t points, double total, Below below, UpTo up_to,
                                 Cdf cdf) {
  constexpr std::size_t kStretch = 256;
  // Rounding of a CDF may break its order by a few 1e-16; a stretch is skipped beyond that.
  constexpr double kRounding = 1e-14;

  double largest = 0.0;
  const auto look = [&](std::size_t k) {
    const double f = cdf(k);
    largest = std::max({largest, static_cast<double>(up_to(k)) / total - f,
                        f - static_cast<double>(below(k)) / total});
    return f;
  };

  // First the ends of all stretches, for a good first bound; then what lies between.
  if (points == 0) return 0.0;
  for (std::size_t k = 0; k < points; k += kStretch) look(k);
  look(points - 1);
  for (std::size_t first = 0; first < points - 1; first += kStretch) {
    const std::size_t last = std::min(first + kStretch, points - 1);
    const double above = static_cast<double>(below(last)) / total - cdf(first);
    const double under = cdf(last) - static_cast<double>(up_to(first)) / total;
    if (std::max(above, under) + kRounding <= largest) continue;
    for (std::size_t k = first + 1; k < last; ++k) look(k);
  }
  return largest;
}

}  // namespace gradpath
