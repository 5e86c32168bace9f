#include "models/prune/magnitude_table.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/fp32.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kKeys = std::size_t{1} << 15;
constexpr std::uint32_t kKeyMask = kKeys - 1;
constexpr std::uint32_t kInfinityKey = 0x7f80;
constexpr std::uint32_t kLowMask = 0xffff;
// A cell is sum of l << 24 | count: one addition an element. Neither overflows up to 2^24 - 1.
constexpr int kCountBits = 24;
constexpr std::size_t kFlush = (std::size_t{1} << kCountBits) - 1;

std::uint32_t key_of(std::uint32_t bits) { return bits >> 16 & kKeyMask; }

void scatter(std::span<const float> values, std::uint64_t* cells) {
  for (const float x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    cells[key_of(bits)] += (std::uint64_t{bits & kLowMask} << kCountBits) + 1;
  }
}

// Of the elements of one key, how many have each l. They are few, so blocks without any are skipped
// by vectors.
void count_lows(std::span<const float> values, std::uint32_t key, std::uint32_t* counts) {
  constexpr std::size_t kBlock = 32;
  while (!values.empty()) {
    const auto block = values.first(std::min(kBlock, values.size()));
    values = values.subspan(block.size());
    std::uint32_t any = 0;
    for (const float x : block) {
      any |= key_of(std::bit_cast<std::uint32_t>(x)) == key ? 1u : 0u;
    }
    if (any == 0) continue;
    for (const float x : block) {
      const auto bits = std::bit_cast<std::uint32_t>(x);
      if (key_of(bits) == key) ++counts[bits & kLowMask];
    }
  }
}

}  // namespace

MagnitudeTable::MagnitudeTable(std::span<const float> values)
    : MagnitudeTable(TensorSource(values)) {}

MagnitudeTable::MagnitudeTable(TensorSource source) : source_(std::move(source)) {
  std::vector<std::uint64_t> cells(kKeys);
  std::vector<MagnitudeBucket> all(kKeys);
  std::size_t pending = 0;
  const auto flush = [&] {
    for (std::size_t key = 0; key < kKeys; ++key) {
      all[key].count += cells[key] & ((std::uint64_t{1} << kCountBits) - 1);
      all[key].low_sum += cells[key] >> kCountBits;
      cells[key] = 0;
    }
    pending = 0;
  };
  counts_.numel = source_.numel();
  if (counts_.numel > std::numeric_limits<std::uint32_t>::max()) {
    throw UserError("tensor of 2^32 elements or more: expected fewer to find thresholds; split it");
  }
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    while (!values.empty()) {
      const auto part = values.first(std::min(kFlush - pending, values.size()));
      values = values.subspan(part.size());
      scatter(part, cells.data());
      pending += part.size();
      if (pending == kFlush) flush();
    }
  });
  flush();

  std::uint64_t not_finite = 0;
  for (std::size_t key = kInfinityKey; key < kKeys; ++key) not_finite += all[key].count;
  counts_.zeros = all[0].count;
  if (not_finite > 0 || all[0].low_sum > 0) {
    // Rare: key 0 also holds the smallest subnormals, and infinities are told from NaNs.
    counts_.zeros = 0;
    source_.visit([&](std::uint64_t, std::span<const float> values) {
      for (const float x : values) {
        const std::uint32_t magnitude = fp32::magnitude(x);
        counts_.zeros += magnitude == 0 ? 1u : 0u;
        counts_.infs += magnitude == fp32::kInfinity ? 1u : 0u;
      }
    });
  }
  counts_.nans = not_finite - counts_.infs;
  all[0].count -= counts_.zeros;
  for (std::uint32_t key = 0; key < kInfinityKey; ++key) {
    if (all[key].count == 0) continue;
    all[key].key = key;
    buckets_.push_back(all[key]);
  }
}

std::span<const LowCount> MagnitudeTable::lows(const MagnitudeBucket& bucket) {
  if (bucket.key == lows_key_) return lows_;
  lows_.clear();
  lows_key_ = bucket.key;
  if (bucket.low_sum == 0 || bucket.count == 1) {
    lows_.push_back(
        {static_cast<std::uint32_t>(bucket.low_sum), static_cast<std::uint32_t>(bucket.count)});
    return lows_;
  }
  std::vector<std::uint32_t> counts(kLowMask + 1);
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    count_lows(values, bucket.key, counts.data());
  });
  if (bucket.key == 0) counts[0] = 0;  // zeros
  for (std::uint32_t low = 0; low <= kLowMask; ++low) {
    if (counts[low] > 0) lows_.push_back({low, counts[low]});
  }
  return lows_;
}

RankedMagnitude MagnitudeTable::at_rank(std::uint64_t rank) {
  RankedMagnitude found;
  const MagnitudeBucket* bucket = buckets_.data();
  for (; found.below + bucket->count <= rank; ++bucket) found.below += bucket->count;
  for (const LowCount& entry : lows(*bucket)) {
    found = {bucket->key << 16 | entry.low, found.below, entry.count};
    if (found.below + found.count > rank) break;
    found.below += found.count;
  }
  return found;
}

void MagnitudeTable::add_squares() {
  if (std::exchange(has_squares_, true)) return;
  // (2^16 - 1)^2 times fewer than 2^32 elements fits 64 bits.
  std::vector<std::uint64_t> squares(kKeys);
  source_.visit([&](std::uint64_t, std::span<const float> values) {
    for (const float x : values) {
      const auto bits = std::bit_cast<std::uint32_t>(x);
      const std::uint64_t low = bits & kLowMask;
      squares[key_of(bits)] += low * low;
    }
  });
  for (MagnitudeBucket& bucket : buckets_) bucket.low_square_sum = squares[bucket.key];
}

}  // namespace gradpath
