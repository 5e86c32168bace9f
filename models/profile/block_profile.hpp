#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "models/profile/profile.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/profile/profile_table.hpp"
#include "models/scale/block_layout.hpp"
#include "models/scale/block_quantizer.hpp"

namespace gradpath {

/// Which blocks of a tensor: runs of `block` elements along `axis`, which counts from 0 or, if
/// negative, from the end.
struct BlockKey {
  std::uint64_t block = 32;
  int axis = -1;

  friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
};

/// A tensor's profile by class of block, a class being all blocks whose largest finite magnitude
/// has the same exponent. OCP's rule gives all of a class one scale, whatever the element format
/// (its E8M0 code is the class's, moved by the format's emax), so that each class is a tensor under
/// a power-of-two scale: what a profile is exact for. Integers, as a profile; merges by class.
class BlockProfile {
 public:
  /// Class of the blocks without a finite nonzero; the others are floor(log2(amax)), -149 .. 127.
  static constexpr int kZeroBlocks = -150;
  static constexpr int kMaxClass = 127;

  BlockProfile() = default;
  /// std::invalid_argument if a class is out of range or its profile is empty or exceeds it.
  explicit BlockProfile(std::map<int, Profile> classes);

  [[nodiscard]] const std::map<int, Profile>& classes() const { return classes_; }
  /// All classes merged: the profile of the tensor.
  [[nodiscard]] Profile whole() const;
  /// Adds the blocks of another profile, which has whole blocks too. Associative, commutative.
  void merge(const BlockProfile& other);

  friend bool operator==(const BlockProfile&, const BlockProfile&) = default;

 private:
  std::map<int, Profile> classes_;
};

/// Makes block profiles; one a thread, for many tensors.
class BlockProfileBuilder {
 public:
  BlockProfileBuilder();

  /// values: all elements of the groups. In any order and in any pieces of whole groups.
  void add(std::span<const float> values, const BlockLayout& layout, GroupRange groups);
  /// The profile of everything added since the last call; the builder is empty again.
  [[nodiscard]] BlockProfile take();

 private:
  void flush();

  ProfileBuilder builder_;
  std::vector<std::vector<float>> waiting_;  ///< by class - kZeroBlocks
  std::size_t pending_ = 0;                  ///< elements in waiting_
  std::vector<std::uint32_t> amax_;
  std::map<int, Profile> classes_;
};

/// A block profile prepared for questions, as ProfileTable.
class BlockProfileTable {
 public:
  explicit BlockProfileTable(const BlockProfile& profile);

  /// The measures of casting with `mx` scales by OCP's rule (ScaleRule::floor), as exact as
  /// ProfileTable::measure. The cost is that of one answer a class.
  [[nodiscard]] ProfileTable::MeasuredAnswer measure(const Format& format,
                                                     const CastOptions& options) const;

 private:
  std::map<int, ProfileTable> classes_;
};

}  // namespace gradpath
