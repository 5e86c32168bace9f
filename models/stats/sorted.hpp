#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/stats/counts.hpp"
#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// All elements of one distinct finite nonzero magnitude.
struct MagnitudeRun {
  float magnitude = 0.0f;
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;

  [[nodiscard]] std::uint64_t count() const { return positives + negatives; }
};

/// A tensor's finite nonzeros as distinct magnitudes in ascending order. Counted first by the upper
/// 16 bits of the magnitude (a bucket), so that any stretch of the order can be read and sorted by
/// itself: a tensor of any size is seen in order within a fixed memory. What is derived from it is
/// the same bits for any order of the tensor's elements.
/// Memory: 4 bytes an element of a batch (none if all values are bf16: buckets are runs then), and
/// 1 MiB. Not for use by several threads at once.
class SortedMagnitudes {
 public:
  /// Elements sorted at a time; a tensor of more is read again for each batch of a visit.
  static constexpr std::size_t kBatch = std::size_t{1} << 23;

  struct Bucket {
    std::uint32_t key = 0;  ///< the upper 16 bits
    std::uint64_t positives = 0;
    std::uint64_t negatives = 0;
    std::uint64_t below = 0;           ///< elements of smaller buckets
    std::uint64_t negative_below = 0;  ///< negative ones among them

    [[nodiscard]] std::uint64_t count() const { return positives + negatives; }
    /// The smallest and the largest magnitude that it may hold.
    [[nodiscard]] float lower_edge() const { return std::bit_cast<float>(key << 16); }
    [[nodiscard]] float upper_edge() const { return std::bit_cast<float>(key << 16 | 0xffffu); }
  };

  explicit SortedMagnitudes(TensorSource source, std::size_t batch = kBatch);
  /// A tensor in memory, which must outlive this.
  explicit SortedMagnitudes(std::span<const float> values, std::size_t batch = kBatch)
      : SortedMagnitudes(TensorSource(values), batch) {}
  explicit SortedMagnitudes(std::vector<float>&& values) = delete;

  [[nodiscard]] const TensorCounts& counts() const { return counts_; }
  /// Number of finite negative elements.
  [[nodiscard]] std::uint64_t negatives() const { return negatives_; }
  /// Occupied buckets, ascending.
  [[nodiscard]] std::span<const Bucket> buckets() const { return buckets_; }

  /// The runs of one bucket, ascending. Valid until the visit goes on.
  class Runs {
   public:
    template <class Visit>
    void for_each(Visit&& visit) const {
      for (std::size_t i = 0; i < keys_.size();) {
        MagnitudeRun run{.magnitude = std::bit_cast<float>(keys_[i] >> 1)};
        const std::uint32_t negative = keys_[i] | 1u;
        for (; i < keys_.size() && keys_[i] < negative; ++i) ++run.positives;
        for (; i < keys_.size() && keys_[i] == negative; ++i) ++run.negatives;
        visit(run);
      }
      for (const MagnitudeRun& run : runs_) visit(run);
    }

   private:
    friend class SortedMagnitudes;
    std::span<const std::uint32_t> keys_;  ///< sorted: magnitude bits << 1 | sign
    std::span<const MagnitudeRun> runs_;
  };

  /// Calls visit(bucket, runs) in ascending order for the buckets that are wanted(bucket).
  template <class Wanted, class Visit>
  void visit_buckets(Wanted&& wanted, Visit&& visit) const {
    for (std::size_t first = 0; first < buckets_.size();) {
      std::vector<std::size_t> chosen;
      std::uint64_t elements = 0;
      for (; first < buckets_.size() && has_room(elements, first); ++first) {
        if (!wanted(buckets_[first])) continue;
        chosen.push_back(first);
        elements += buckets_[first].count();
      }
      load(chosen, elements);
      for (const std::size_t b : chosen) visit(buckets_[b], runs_of(b));
    }
  }
  /// Calls visit(run) for every distinct magnitude, ascending.
  template <class Visit>
  void visit(Visit&& visit) const {
    visit_buckets([](const Bucket&) { return true; },
                  [&](const Bucket&, const Runs& runs) { runs.for_each(visit); });
  }

  /// The finite nonzero magnitude at this place in ascending order, from 0.
  [[nodiscard]] float magnitude_at(std::uint64_t rank) const;

 private:
  [[nodiscard]] bool has_room(std::uint64_t elements, std::size_t bucket) const {
    return elements == 0 || elements + buckets_[bucket].count() <= batch_;
  }
  void load(std::span<const std::size_t> chosen, std::uint64_t elements) const;
  void count_lows(std::uint32_t key) const;
  [[nodiscard]] Runs runs_of(std::size_t bucket) const;

  TensorSource source_;
  std::size_t batch_;
  TensorCounts counts_;
  std::uint64_t negatives_ = 0;
  std::vector<Bucket> buckets_;
  bool is_bfloat16_ = true;
  // What the visit has in hand: the chosen buckets' keys, or one bucket's runs.
  mutable std::vector<std::uint32_t> keys_;
  mutable std::vector<std::size_t> places_;  ///< of each bucket's first key in keys_
  mutable std::vector<MagnitudeRun> runs_;
  mutable bool has_all_ = false;
};

}  // namespace gradpath
