#pragma once

#include <cstdint>
#include <span>

namespace gradpath {

/// Sums over the finite nonzeros of a tensor, in one pass. Pieces of a tensor merge; what a merge
/// gives depends on how the tensor was cut by a rounding of the sum alone.
struct LogMoments {
  std::uint64_t nonzeros = 0;
  double sum_log2 = 0;  ///< of log2|x|
  double amax = 0;      ///< largest |x|

  /// Mean of log2|x|; 0 without a finite nonzero.
  [[nodiscard]] double mean_log2() const {
    return nonzeros == 0 ? 0.0 : sum_log2 / static_cast<double>(nonzeros);
  }
  void merge(const LogMoments& other);
};

[[nodiscard]] LogMoments log_moments(std::span<const float> values);

/// The scale 2^(round(-mean_log2) - 3), ties to even: the authors' 2^(-mu - 3) of arXiv 2006.08173,
/// by a power of two. 1 without a finite nonzero; kept between 2^-126 and 2^127.
[[nodiscard]] float mean_log_scale(const LogMoments& moments);

}  // namespace gradpath
