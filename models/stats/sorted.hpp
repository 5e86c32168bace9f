#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/stats/counts.hpp"

namespace gradpath {

/// A tensor's finite nonzeros as distinct magnitudes in ascending order with how many there are up
/// to each. Sorted once, it answers fits, distribution tests and every sparsity target. Everything
/// derived from it is the same bits for any order of the tensor's elements.
/// Memory: 12 bytes a distinct magnitude; while it is made, 8 bytes an element more (none if all
/// values are bf16, which are counted instead of sorted).
class SortedMagnitudes {
 public:
  /// Copies what it needs of `values`. UserError if there are 2^32 or more elements.
  explicit SortedMagnitudes(std::span<const float> values);

  [[nodiscard]] const TensorCounts& counts() const { return counts_; }
  /// Number of distinct magnitudes.
  [[nodiscard]] std::size_t distinct() const { return magnitudes_.size(); }
  /// Distinct magnitude i; ascending, > 0, finite.
  [[nodiscard]] float magnitude(std::size_t i) const { return magnitudes_[i]; }
  /// Number of finite nonzeros with |x| <= magnitude(i).
  [[nodiscard]] std::uint32_t up_to(std::size_t i) const { return up_to_[i]; }
  /// Number of finite nonzeros with |x| < magnitude(i).
  [[nodiscard]] std::uint32_t below(std::size_t i) const { return i == 0 ? 0 : up_to_[i - 1]; }
  /// The same of negative elements alone.
  [[nodiscard]] std::uint32_t negative_up_to(std::size_t i) const { return negative_up_to_[i]; }
  [[nodiscard]] std::uint32_t negative_below(std::size_t i) const {
    return i == 0 ? 0 : negative_up_to_[i - 1];
  }
  /// Number of finite negative elements.
  [[nodiscard]] std::uint32_t negatives() const {
    return negative_up_to_.empty() ? 0 : negative_up_to_.back();
  }

 private:
  void append(std::uint32_t magnitude_bits, std::uint32_t positive, std::uint32_t negative);
  void count_codes(std::span<const float> values);
  void sort_keys(std::span<const float> values);

  TensorCounts counts_;
  std::vector<float> magnitudes_;
  std::vector<std::uint32_t> up_to_;
  std::vector<std::uint32_t> negative_up_to_;
};

}  // namespace gradpath
