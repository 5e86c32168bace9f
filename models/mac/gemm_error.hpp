#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/format/format.hpp"

namespace gradpath {

/// A bin of the histogram of errors: ulp_from < |error| / ulp <= ulp_to; the first is exactly 0.
struct UlpBin {
  double ulp_from = 0;
  double ulp_to = 0;
  std::uint64_t count = 0;
};

/// How far results are from a reference in double. An ulp is the spacing of the result's format at
/// the reference: 2^(max(floor(log2|reference|), min_exponent) - M). Elements where result or
/// reference is not finite are only counted.
struct GemmError {
  std::uint64_t elements = 0;
  std::uint64_t not_finite = 0;
  double max_absolute = 0;
  double mean_absolute = 0;
  double max_relative = 0;   ///< over finite elements whose reference is not zero
  double mean_relative = 0;  ///< as max_relative
  double max_ulp = 0;
  double mean_ulp = 0;
  std::vector<UlpBin> histogram;  ///< 0, then up to 1/2, 1, 2, 4, ... 2^23, and beyond
};

/// scale: what results and reference were divided by after the sum; an ulp is that of the sum,
/// divided too. std::invalid_argument if sizes differ.
[[nodiscard]] GemmError gemm_error(std::span<const float> results,
                                   std::span<const double> reference, const Format& format,
                                   double scale = 1.0);

/// One row of A B in double: products and sums rounded to nearest, in the order of k.
/// a: k values; b: k x n, row-major; d: n.
void reference_row(std::span<const double> a, std::span<const double> b, std::span<double> d);

}  // namespace gradpath
