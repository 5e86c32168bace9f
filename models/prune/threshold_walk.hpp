#pragma once

#include <bit>
#include <cstdint>

#include "models/format/fp32.hpp"
#include "models/prune/magnitude_sum.hpp"
#include "models/prune/magnitude_table.hpp"

namespace gradpath {

/// The elements below a moving point, as stochastic pruning sees them: magnitudes are added in
/// ascending order, one by one or by the bucket, and the state is the same bits either way.
class ThresholdWalk {
 public:
  void add(std::uint32_t magnitude_bits, std::uint64_t count) {
    count_ += count;
    sum_.add(magnitude_bits >> fp32::kFractionBits,
             fp32::split(magnitude_bits).significand * count);
  }
  void add(const MagnitudeBucket& bucket) {
    count_ += bucket.count;
    sum_.add(bucket.key >> 7, significand_sum(bucket));
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_.value(); }
  /// Expected zeros among the elements added, for a threshold at or above all of them.
  [[nodiscard]] double expected_zeros(double alpha) const {
    return sum_.shortfall(count_, alpha) / alpha;
  }

 private:
  std::uint64_t count_ = 0;
  MagnitudeSum sum_;
};

/// Smallest and largest magnitude that a bucket may hold.
[[nodiscard]] inline float lower_edge(std::uint32_t key) { return std::bit_cast<float>(key << 16); }
[[nodiscard]] inline float upper_edge(std::uint32_t key) {
  return std::bit_cast<float>(key << 16 | 0xffffu);
}

}  // namespace gradpath
