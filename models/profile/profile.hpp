#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/stats/counts.hpp"

namespace gradpath {

/// Sums of squares outgrow 64 bits; a GCC and Clang extension.
__extension__ using Uint128 = unsigned __int128;

/// All finite nonzero elements whose fp32 bits begin with the same 16: one sign, one exponent field
/// and h, the top 7 fraction bits. With l the low 16 bits, an element is
///   +-2^(field - 127) * (1 + (h + l / 2^16) / 2^7),   and   +-2^-126 * (h + l / 2^16) / 2^7
/// where the field is 0. All four numbers are exact.
struct ProfileBucket {
  std::uint16_t key = 0;       ///< the top 16 bits
  std::uint64_t count = 0;     ///< elements, never 0
  std::uint64_t ties = 0;      ///< elements with l = 0: on the bucket's lower edge
  std::uint64_t low_sum = 0;   ///< sum of l
  Uint128 low_square_sum = 0;  ///< sum of l^2

  friend bool operator==(const ProfileBucket&, const ProfileBucket&) = default;
};

/// A tensor as a small, exact, mergeable summary: from it the error of every narrow float format
/// follows without the tensor (profile_table.hpp, docs/profile.md). Integers only, so it depends on
/// the multiset of elements alone: not on their order, on threads or on the machine.
class Profile {
 public:
  static constexpr std::uint64_t kMostElements = std::uint64_t{1} << 48;  ///< that the sums hold

  Profile() = default;
  /// buckets: by key, strictly ascending. What the other arguments mean: the members below.
  /// std::invalid_argument if the numbers contradict each other, naming the first contradiction.
  Profile(std::uint64_t zeros, std::uint64_t infs, std::uint64_t nans, std::uint32_t abs_min_bits,
          std::uint32_t abs_max_bits, std::uint64_t checksum, std::vector<ProfileBucket> buckets);

  [[nodiscard]] std::span<const ProfileBucket> buckets() const { return buckets_; }
  [[nodiscard]] std::uint64_t numel() const { return nonzeros_ + zeros_ + infs_ + nans_; }
  [[nodiscard]] std::uint64_t zeros() const { return zeros_; }  ///< of either sign
  [[nodiscard]] std::uint64_t infs() const { return infs_; }    ///< of either sign
  [[nodiscard]] std::uint64_t nans() const { return nans_; }
  /// Finite nonzeros.
  [[nodiscard]] std::uint64_t nonzeros() const { return nonzeros_; }
  /// fp32 bits of the smallest and largest finite nonzero magnitude; 0 if there is none.
  [[nodiscard]] std::uint32_t abs_min_bits() const { return abs_min_bits_; }
  [[nodiscard]] std::uint32_t abs_max_bits() const { return abs_max_bits_; }
  /// Sum over all elements of profile_hash(bits), modulo 2^64: equal for equal multisets of
  /// elements, and a chance of 2^-64 of being equal otherwise. Against mix-ups, not malice.
  [[nodiscard]] std::uint64_t checksum() const { return checksum_; }
  /// The same numbers that count_tensor finds in the tensor.
  [[nodiscard]] TensorCounts counts() const;
  /// True if every finite nonzero is a bf16 value: then the profile is the whole truth.
  [[nodiscard]] bool is_bfloat16() const;
  /// 16 hexadecimal digits that name what is in the profile.
  [[nodiscard]] std::string id() const;

  /// Adds the elements of another profile. Associative and commutative. std::invalid_argument above
  /// kMostElements.
  void merge(const Profile& other);

  friend bool operator==(const Profile&, const Profile&) = default;

 private:
  void check_numel() const;

  std::uint64_t zeros_ = 0;
  std::uint64_t infs_ = 0;
  std::uint64_t nans_ = 0;
  std::uint64_t nonzeros_ = 0;
  std::uint32_t abs_min_bits_ = 0;
  std::uint32_t abs_max_bits_ = 0;
  std::uint64_t checksum_ = 0;
  std::vector<ProfileBucket> buckets_;
};

/// What an element of these fp32 bits adds to the checksum.
[[nodiscard]] constexpr std::uint64_t profile_hash(std::uint32_t bits) {
  std::uint32_t h = bits * 0x9e3779b1u;
  h ^= h >> 15;
  return std::uint64_t{h ^ 0x85ebca6bu} * (bits ^ 0xc2b2ae35u);
}

}  // namespace gradpath
