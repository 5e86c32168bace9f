#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/profile/profile.hpp"

namespace gradpath {

/// Makes profiles in one pass over memory. Holds 1.5 MiB of counters, so use one again for many
/// tensors; one a thread.
class ProfileBuilder {
 public:
  ProfileBuilder();

  /// Any length; in any order and in any pieces.
  void add(std::span<const float> values);
  /// The profile of everything added since the last call; the builder is empty again.
  [[nodiscard]] Profile take();

 private:
  // Two 64-bit words a bucket: one addition each an element. Up to kFlush elements, neither the
  // count (24 bits) nor the sums (40 and 56 bits) can overflow.
  struct Cell {
    std::uint64_t low_square_sum;
    std::uint64_t low_sum_and_count;  ///< sum of l << 24 | count
  };
  static constexpr int kCountBits = 24;
  static constexpr std::size_t kFlush = (std::size_t{1} << kCountBits) - 4096;

  template <bool kHasTies>
  void scatter(std::span<const float> values);
  void count(std::span<const float> values);
  void flush();
  void collect(std::uint32_t first_key, std::uint32_t last_key,
               std::vector<ProfileBucket>& buckets);

  std::vector<Cell> cells_;
  std::vector<std::uint32_t> ties_;    ///< nonzero elements of scatter() with l = 0
  std::vector<std::uint32_t> counts_;  ///< all elements of count(), where every l is 0
  std::size_t pending_ = 0;            ///< elements in the counters
  std::uint32_t least_bits_ = 0;       ///< smallest nonzero magnitude among them, less 1
  std::uint32_t most_bits_ = 0;        ///< largest magnitude among them, finite or not
  std::uint32_t most_finite_bits_ = 0;
  std::uint64_t zeros_[2] = {};  ///< among them, positive and negative
  std::uint64_t checksum_ = 0;
  Profile profile_;
};

/// The profile of one tensor.
[[nodiscard]] Profile profile_tensor(std::span<const float> values);

}  // namespace gradpath
