#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/profile/profile.hpp"

namespace gradpath {

namespace kernels {
struct ProfileCell;
}

/// Makes profiles in one pass over memory. Holds 1.5 MiB of counters, so use one again for many
/// tensors; one a thread.
class ProfileBuilder {
 public:
  ProfileBuilder();
  ProfileBuilder(ProfileBuilder&&) noexcept;
  ~ProfileBuilder();

  /// Any length; in any order and in any pieces.
  void add(std::span<const float> values);
  /// The profile of everything added since the last call; the builder is empty again.
  [[nodiscard]] Profile take();

 private:
  void count_ties(std::span<const float> values);
  void count(std::span<const float> values);
  void flush();
  void collect(std::uint32_t first_key, std::uint32_t last_key,
               std::vector<ProfileBucket>& buckets);

  std::vector<kernels::ProfileCell> cells_;  ///< nonzero elements of blocks not all bf16
  std::vector<std::uint32_t> ties_;          ///< those with l = 0
  std::vector<std::uint32_t> counts_;        ///< elements of blocks all bf16; at key +-0 the zeros
  std::vector<float> nonzeros_;              ///< of a block
  std::size_t pending_ = 0;                  ///< elements in the counters
  std::uint32_t least_bits_ = 0;             ///< smallest nonzero magnitude among them, less 1
  std::uint32_t most_bits_ = 0;              ///< largest magnitude among them, finite or not
  std::uint32_t most_finite_bits_ = 0;
  std::uint64_t zeros_ = 0;  ///< among them
  std::uint64_t checksum_ = 0;
  Profile profile_;
};

/// The profile of one tensor.
[[nodiscard]] Profile profile_tensor(std::span<const float> values);

}  // namespace gradpath
