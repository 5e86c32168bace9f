#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// What a scheme is prepared on: moments of a tensor's finite elements, zeros included. Gathered a
/// slice at a time and merged in order, so the same bits for any number of threads.
struct SchemeStatistics {
  std::uint64_t count = 0;  ///< finite elements
  double least = 0;         ///< smallest and largest finite element; 0 where there is none
  double greatest = 0;
  double mean = 0;
  double squares = 0;     ///< sum of (x - mean)^2
  double magnitudes = 0;  ///< sum of |x|
  double deviations = 0;  ///< sum of |x - mean|; from a second pass, `add_deviations`

  /// Largest |x|.
  [[nodiscard]] double amax() const { return -least > greatest ? -least : greatest; }
  /// Population standard deviation; 0 without elements, as the next two.
  [[nodiscard]] double standard_deviation() const;
  [[nodiscard]] double mean_magnitude() const;
  /// Mean of |x - mean|: the maximum-likelihood scale of a Laplace distribution around the mean.
  [[nodiscard]] double mean_deviation() const;
};

/// Elements a slice of a tensor's statistics has; the last one may be shorter.
inline constexpr std::size_t kStatisticsSlice = std::size_t{1} << 18;

/// One slice: the sums in 8 interleaved doubles, the moments about the slice's own mean.
[[nodiscard]] SchemeStatistics slice_statistics(std::span<const float> slice);
/// Adds the slice that follows (Chan, Golub, LeVeque 1979); leaves `deviations`.
void merge_statistics(SchemeStatistics& all, const SchemeStatistics& next);
/// Sum of |x - mean| over the finite elements of a slice.
[[nodiscard]] double slice_deviations(std::span<const float> slice, double mean);

/// All of it, slice by slice.
[[nodiscard]] SchemeStatistics tensor_statistics(const TensorSource& source);
[[nodiscard]] SchemeStatistics tensor_statistics(std::span<const float> values);

}  // namespace gradpath
