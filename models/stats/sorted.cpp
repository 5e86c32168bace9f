#include "models/stats/sorted.hpp"

#include <algorithm>
#include <utility>

#include <hwy/contrib/sort/vqsort.h>

namespace gradpath {
namespace {

constexpr std::uint32_t kInfinityKey = 0x7f80;
constexpr std::uint32_t kSignKey = 0x8000;
constexpr std::uint32_t kKeyMask = kSignKey - 1;

}  // namespace

SortedMagnitudes::SortedMagnitudes(TensorSource source, std::size_t batch)
    : source_(std::move(source)), batch_(batch), counts_(count_tensor(source_)) {
  std::vector<std::uint64_t> histogram(std::size_t{2} * kSignKey);
  std::uint64_t least_zeros[2] = {};  // which share their key with the smallest subnormals
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    std::uint32_t all = 0;
    for (const float x : values) {
      const auto bits = std::bit_cast<std::uint32_t>(x);
      all |= bits;
      ++histogram[bits >> 16];
      least_zeros[bits >> 31] += (bits << 1) == 0 ? 1u : 0u;
    }
    is_bfloat16_ = is_bfloat16_ && (all & 0xffffu) == 0;
  });
  histogram[0] -= least_zeros[0];
  histogram[kSignKey] -= least_zeros[1];
  std::uint64_t below = 0;
  for (std::uint32_t key = 0; key < kInfinityKey; ++key) {
    const Bucket bucket{.key = key,
                        .positives = histogram[key],
                        .negatives = histogram[key | kSignKey],
                        .below = below,
                        .negative_below = negatives_};
    if (bucket.count() == 0) continue;
    buckets_.push_back(bucket);
    below += bucket.count();
    negatives_ += bucket.negatives;
  }
}

// Reads the elements of the chosen buckets and sorts them. The sign goes below the magnitude: one
// sort orders magnitudes and keeps the signs apart.
void SortedMagnitudes::load(std::span<const std::size_t> chosen, std::uint64_t elements) const {
  if (is_bfloat16_ || has_all_ || chosen.empty()) return;
  if (elements > batch_) return count_lows(buckets_[chosen.front()].key);  // one bucket, then
  has_all_ = chosen.size() == buckets_.size();
  std::vector<std::uint8_t> takes(std::size_t{1} << 15);
  places_.assign(buckets_.size(), 0);
  std::size_t place = 0;
  for (const std::size_t b : chosen) {
    takes[buckets_[b].key] = 1;
    places_[b] = place;
    place += static_cast<std::size_t>(buckets_[b].count());
  }
  runs_.clear();
  if (keys_.capacity() <= place) std::vector<std::uint32_t>().swap(keys_);  // not both in memory
  keys_.resize(place + 1);  // one more: every element is written, whether or not it stays
  std::size_t size = 0;
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    for (const float x : values) {
      const std::uint32_t key = std::rotl(std::bit_cast<std::uint32_t>(x), 1);
      keys_[size] = key;
      size += key > 1 ? takes[key >> 17] : 0u;
    }
  });
  keys_.pop_back();
  hwy::Sorter()(keys_.data(), keys_.size(), hwy::SortAscending());
}

// A bucket too large to be sorted is counted by the lower half of the bits.
void SortedMagnitudes::count_lows(std::uint32_t key) const {
  constexpr std::size_t kLows = std::size_t{1} << 16;
  std::vector<std::uint64_t> counts(2 * kLows);
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    for (const float x : values) {
      const auto bits = std::bit_cast<std::uint32_t>(x);
      if ((bits >> 16 & kKeyMask) == key) ++counts[(bits & 0xffffu) << 1 | bits >> 31];
    }
  });
  if (key == 0) counts[0] = counts[1] = 0;  // zeros
  keys_.clear();
  runs_.clear();
  for (std::uint32_t low = 0; low < kLows; ++low) {
    const MagnitudeRun run{std::bit_cast<float>(key << 16 | low), counts[2 * low],
                           counts[2 * low + 1]};
    if (run.count() > 0) runs_.push_back(run);
  }
}

SortedMagnitudes::Runs SortedMagnitudes::runs_of(std::size_t b) const {
  const Bucket& bucket = buckets_[b];
  Runs runs;
  if (is_bfloat16_) {
    runs_ = {{bucket.lower_edge(), bucket.positives, bucket.negatives}};
  } else if (runs_.empty()) {
    runs.keys_ = std::span<const std::uint32_t>(keys_).subspan(
        places_[b], static_cast<std::size_t>(bucket.count()));
  }
  runs.runs_ = runs_;
  return runs;
}

float SortedMagnitudes::magnitude_at(std::uint64_t rank) const {
  float found = 0.0f;
  std::uint64_t left = rank;
  visit_buckets(
      [&](const Bucket& bucket) {
        return bucket.below <= rank && rank < bucket.below + bucket.count();
      },
      [&](const Bucket& bucket, const Runs& runs) {
        left = rank - bucket.below;
        std::uint64_t before = 0;
        runs.for_each([&](const MagnitudeRun& run) {
          if (before <= left) found = run.magnitude;
          before += run.count();
        });
      });
  return found;
}

}  // namespace gradpath
