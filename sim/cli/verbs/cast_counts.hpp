#pragma once

#include <cmath>
#include <cstdint>
#include <span>

namespace gradpath::cli {

/// What a cast did to a tensor: columns of its table, added up over slices.
struct CastCounts {
  std::uint64_t zeros = 0;      ///< results that are zero
  std::uint64_t above_max = 0;  ///< finite inputs beyond the range of the format or scheme
  std::uint64_t infs = 0;       ///< results
  std::uint64_t nans = 0;       ///< results

  void add_results(std::span<const float> values) {
    for (const float value : values) {
      zeros += value == 0.0f ? 1u : 0u;
      infs += std::isinf(value) ? 1u : 0u;
      nans += std::isnan(value) ? 1u : 0u;
    }
  }
  void add(const CastCounts& other) {
    zeros += other.zeros;
    above_max += other.above_max;
    infs += other.infs;
    nans += other.nans;
  }
};

}  // namespace gradpath::cli
