#include "models/profile/profile_builder.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "models/format/fp32.hpp"
#include "models/profile/profile_kernels.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kBlock = 4096;  // read twice: by vectors, then by the scatter from L1
// Up to so many elements, neither the count (24 bits) nor the sums (40 and 56 bits) of a cell can
// overflow.
constexpr std::size_t kFlush = (std::size_t{1} << kernels::ProfileCell::kCountBits) - 4096;
constexpr std::uint32_t kSign = 0x8000;
constexpr std::uint32_t kInfinityKey = fp32::kInfinity >> 16;
constexpr std::uint32_t kLowMask = 0xffff;

}  // namespace

ProfileBuilder::ProfileBuilder()
    : cells_(kernels::kProfileKeys + kernels::kZeroCells),
      ties_(kernels::kProfileKeys),
      counts_(kernels::kProfileKeys),
      nonzeros_(kBlock) {
  least_bits_ = 0xffffffffu;
}

ProfileBuilder::ProfileBuilder(ProfileBuilder&&) noexcept = default;
ProfileBuilder::~ProfileBuilder() = default;

void ProfileBuilder::add(std::span<const float> values) {
  while (!values.empty()) {
    const auto block = values.first(std::min(kBlock, values.size()));
    values = values.subspan(block.size());
    if (pending_ + block.size() > kFlush) flush();
    pending_ += block.size();
    const kernels::BlockScan scan = kernels::scan_block(block);
    least_bits_ = std::min(least_bits_, scan.least_bits);
    most_bits_ = std::max(most_bits_, scan.most_bits);
    zeros_ += scan.zeros;
    checksum_ += scan.checksum;
    if (scan.most_bits < fp32::kInfinity) {
      most_finite_bits_ = std::max(most_finite_bits_, scan.most_bits);
    } else {
      for (const float x : block) {
        const auto bits = std::bit_cast<std::uint32_t>(x) & fp32::kMagnitude;
        if (bits < fp32::kInfinity) most_finite_bits_ = std::max(most_finite_bits_, bits);
      }
    }
    if (scan.on_edge == block.size()) {
      count(block);
    } else {
      // Where there are many zeros, leaving them out first costs less than counting them as others.
      const bool drops = scan.zeros > block.size() / 8;
      const auto counted =
          drops ? std::span<const float>(nonzeros_).first(kernels::drop_zeros(block, nonzeros_))
                : block;
      kernels::scatter_block(counted, cells_);
      if (scan.on_edge > scan.zeros) count_ties(block);
    }
  }
}

void ProfileBuilder::count_ties(std::span<const float> values) {
  std::uint32_t* const ties = ties_.data();
  for (const float x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    ties[bits >> 16] += (bits & kLowMask) == 0 && (bits & fp32::kMagnitude) != 0 ? 1u : 0u;
  }
}

void ProfileBuilder::count(std::span<const float> values) {
  std::uint32_t* const counts = counts_.data();
  for (const float x : values) ++counts[std::bit_cast<std::uint32_t>(x) >> 16];
}

void ProfileBuilder::collect(std::uint32_t first_key, std::uint32_t last_key,
                             std::vector<ProfileBucket>& buckets) {
  for (std::uint32_t key = first_key; key <= last_key; ++key) {
    constexpr int kCountBits = kernels::ProfileCell::kCountBits;
    kernels::ProfileCell& cell = cells_[key];
    if (cell.low_sum_and_count == 0 && counts_[key] == 0) continue;
    const std::uint64_t scattered = cell.low_sum_and_count & ((1u << kCountBits) - 1);
    buckets.push_back({.key = static_cast<std::uint16_t>(key),
                       .count = scattered + counts_[key],
                       .ties = std::uint64_t{ties_[key]} + counts_[key],
                       .low_sum = cell.low_sum_and_count >> kCountBits,
                       .low_square_sum = cell.low_square_sum});
    cell = {};
    ties_[key] = 0;
    counts_[key] = 0;
  }
}

void ProfileBuilder::flush() {
  if (pending_ == 0) return;
  // The magnitudes 0 and +-0 aside, only keys between the extremes were touched.
  std::vector<ProfileBucket> touched;
  const std::uint32_t last = most_bits_ >> 16;
  const std::uint32_t first =
      std::min(last, least_bits_ == 0xffffffffu ? 0 : (least_bits_ + 1) >> 16);
  for (const std::uint32_t sign : {0u, kSign}) {
    if (first > 0) collect(sign, sign, touched);
    collect(sign | first, sign | last, touched);
  }

  std::uint64_t infs = 0;
  std::uint64_t nans = 0;
  std::vector<ProfileBucket> buckets;
  for (ProfileBucket& bucket : touched) {
    const std::uint32_t magnitude = bucket.key & (kSign - 1);
    if (magnitude >= kInfinityKey) {
      const std::uint64_t on_edge = magnitude == kInfinityKey ? bucket.ties : 0;
      infs += on_edge;
      nans += bucket.count - on_edge;
      continue;
    }
    if (magnitude == 0) {  // the smallest subnormals; all that was counted here is zero
      bucket.count -= bucket.ties;
      bucket.ties = 0;
      if (bucket.count == 0) continue;
    }
    buckets.push_back(bucket);
  }
  const bool any = !buckets.empty();
  profile_.merge(Profile(std::exchange(zeros_, 0), infs, nans, any ? least_bits_ + 1 : 0,
                         any ? most_finite_bits_ : 0, std::exchange(checksum_, 0),
                         std::move(buckets)));
  pending_ = 0;
  least_bits_ = 0xffffffffu;
  most_bits_ = 0;
  most_finite_bits_ = 0;
}

Profile ProfileBuilder::take() {
  flush();
  return std::exchange(profile_, Profile());
}

Profile profile_tensor(std::span<const float> values) {
  ProfileBuilder builder;
  builder.add(values);
  return builder.take();
}

}  // namespace gradpath
