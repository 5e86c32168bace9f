#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/stats/counts.hpp"
#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// The finite nonzero elements whose magnitudes share the upper 16 bits: exponent field and the
/// first 7 fraction bits. Magnitude bits = key << 16 | l.
struct MagnitudeBucket {
  std::uint32_t key = 0;
  std::uint64_t count = 0;           ///< > 0
  std::uint64_t low_sum = 0;         ///< sum of l
  std::uint64_t low_square_sum = 0;  ///< sum of l^2; 0 until MagnitudeTable::add_squares
};

/// A finite nonzero magnitude, how many are smaller and how many it is.
struct RankedMagnitude {
  std::uint32_t bits = 0;
  std::uint64_t below = 0;
  std::uint64_t count = 0;
};

/// Distinct magnitudes of a bucket: `count` elements have the lower 16 bits `low`.
struct LowCount {
  std::uint32_t low = 0;
  std::uint32_t count = 0;
};

/// A tensor's finite nonzero magnitudes as integer counts and sums, in one pass at about the speed
/// of memory, and any one bucket magnitude by magnitude in a second pass: what a threshold needs,
/// without sorting. Every number depends on the multiset of values alone.
/// Memory: 1.25 MiB while made, then 32 bytes an occupied bucket (a few thousand of them).
class MagnitudeTable {
 public:
  /// Reads the tensor. `source` must stay good as long as `lows` and `add_squares` are called.
  /// UserError if there are 2^32 or more elements.
  explicit MagnitudeTable(TensorSource source);
  /// The same for a tensor in memory, which must outlive the table.
  explicit MagnitudeTable(std::span<const float> values);
  explicit MagnitudeTable(std::vector<float>&& values) = delete;

  /// As count_tensor, without subnormals, abs_min and abs_max.
  [[nodiscard]] const TensorCounts& counts() const { return counts_; }
  /// Occupied buckets, by key ascending.
  [[nodiscard]] std::span<const MagnitudeBucket> buckets() const { return buckets_; }
  /// The distinct magnitudes of a bucket, ascending. Reads the tensor again, except for buckets
  /// that need no look (one magnitude, all low bits zero) and the one asked for last. Valid until
  /// the next call; not for use by several threads at once.
  [[nodiscard]] std::span<const LowCount> lows(const MagnitudeBucket& bucket);
  /// The one at this place among all in ascending order, from 0; rank < counts().nonzeros().
  [[nodiscard]] RankedMagnitude at_rank(std::uint64_t rank);
  /// Fills low_square_sum of every bucket, in one more pass; at once if that is done already.
  void add_squares();

 private:
  TensorSource source_;
  TensorCounts counts_;
  std::vector<MagnitudeBucket> buckets_;
  bool has_squares_ = false;
  std::uint32_t lows_key_ = 0xffffffffu;
  std::vector<LowCount> lows_;
};

/// Sum of the 24-bit significands of a bucket's elements: exact.
[[nodiscard]] constexpr std::uint64_t significand_sum(const MagnitudeBucket& bucket) {
  const std::uint64_t hidden = bucket.key >> 7 == 0 ? 0 : 0x80;
  return ((hidden | (bucket.key & 0x7f)) << 16) * bucket.count + bucket.low_sum;
}

}  // namespace gradpath
