#include "models/profile/profile.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include <fmt/format.h>

namespace gradpath {
namespace {

constexpr std::uint32_t kMagnitudeMask = 0x7fff;
constexpr std::uint32_t kInfinityKey = 0x7f80;
constexpr std::uint64_t kMaxLow = 0xffff;

const char* contradiction(const ProfileBucket& bucket) {
  if (bucket.count == 0) return "it is empty";
  if (bucket.count > Profile::kMostElements) return "there are more than 2^48 elements";
  if ((bucket.key & kMagnitudeMask) >= kInfinityKey) return "its values are not finite";
  if (bucket.ties > bucket.count) return "it has more ties than elements";
  if ((bucket.key & kMagnitudeMask) == 0 && bucket.ties != 0) return "it holds zeros";
  const std::uint64_t inside = bucket.count - bucket.ties;
  if (bucket.low_sum < inside || bucket.low_sum > Uint128{inside} * kMaxLow) {
    return "its sum is out of range";
  }
  // Cauchy's inequality, and l^2 <= l * max l. No product wraps: up to 2^48 elements, sums are
  // below 2^64 and sums of squares below 2^80.
  if (bucket.low_square_sum > Uint128{bucket.low_sum} * kMaxLow ||
      Uint128{bucket.low_sum} * bucket.low_sum > inside * bucket.low_square_sum) {
    return "its sum of squares is out of range";
  }
  return nullptr;
}

}  // namespace

Profile::Profile(std::uint64_t zeros, std::uint64_t infs, std::uint64_t nans,
                 std::uint32_t abs_min_bits, std::uint32_t abs_max_bits, std::uint64_t checksum,
                 std::vector<ProfileBucket> buckets)
    : zeros_(zeros),
      infs_(infs),
      nans_(nans),
      abs_min_bits_(abs_min_bits),
      abs_max_bits_(abs_max_bits),
      checksum_(checksum),
      buckets_(std::move(buckets)) {
  std::uint32_t lowest = kInfinityKey;
  std::uint32_t highest = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (const char* wrong = contradiction(buckets_[i])) {
      throw std::invalid_argument(fmt::format("bucket {:#06x}: {}", buckets_[i].key, wrong));
    }
    if (i > 0 && buckets_[i - 1].key >= buckets_[i].key) {
      throw std::invalid_argument("buckets are not in ascending order");
    }
    nonzeros_ += buckets_[i].count;
    lowest = std::min(lowest, buckets_[i].key & kMagnitudeMask);
    highest = std::max(highest, buckets_[i].key & kMagnitudeMask);
  }
  const bool in_place = buckets_.empty()
                            ? abs_min_bits_ == 0 && abs_max_bits_ == 0
                            : abs_min_bits_ != 0 && abs_min_bits_ >> 16 == lowest &&
                                  abs_max_bits_ >> 16 == highest && abs_min_bits_ <= abs_max_bits_;
  if (!in_place) throw std::invalid_argument("the extremes lie outside the buckets");
  check_numel();
}

void Profile::check_numel() const {
  if (Uint128{nonzeros_} + zeros_ + infs_ + nans_ > kMostElements) {
    throw std::invalid_argument("there are more than 2^48 elements");
  }
}

TensorCounts Profile::counts() const {
  TensorCounts counts;
  counts.numel = numel();
  counts.zeros = zeros_;
  counts.infs = infs_;
  counts.nans = nans_;
  for (const ProfileBucket& bucket : buckets_) {
    if ((bucket.key & kMagnitudeMask) < 0x80) counts.subnormals += bucket.count;
  }
  if (nonzeros_ > 0) {
    counts.abs_min = std::bit_cast<float>(abs_min_bits_);
    counts.abs_max = std::bit_cast<float>(abs_max_bits_);
  }
  return counts;
}

bool Profile::is_bfloat16() const {
  return std::ranges::all_of(buckets_, [](const ProfileBucket& b) { return b.ties == b.count; });
}

std::string Profile::id() const {
  return fmt::format("{:016x}", checksum_ ^ (numel() * 0x9e3779b97f4a7c15u));
}

void Profile::merge(const Profile& other) {
  zeros_ += other.zeros_;
  infs_ += other.infs_;
  nans_ += other.nans_;
  checksum_ += other.checksum_;
  if (nonzeros_ == 0) {
    abs_min_bits_ = other.abs_min_bits_;
  } else if (other.nonzeros_ > 0) {
    abs_min_bits_ = std::min(abs_min_bits_, other.abs_min_bits_);
  }
  abs_max_bits_ = std::max(abs_max_bits_, other.abs_max_bits_);
  nonzeros_ += other.nonzeros_;

  std::vector<ProfileBucket> merged;
  merged.reserve(buckets_.size() + other.buckets_.size());
  auto a = buckets_.begin();
  auto b = other.buckets_.begin();
  while (a != buckets_.end() || b != other.buckets_.end()) {
    if (b == other.buckets_.end() || (a != buckets_.end() && a->key < b->key)) {
      merged.push_back(*a++);
    } else if (a == buckets_.end() || b->key < a->key) {
      merged.push_back(*b++);
    } else {
      merged.push_back({.key = a->key,
                        .count = a->count + b->count,
                        .ties = a->ties + b->ties,
                        .low_sum = a->low_sum + b->low_sum,
                        .low_square_sum = a->low_square_sum + b->low_square_sum});
      ++a;
      ++b;
    }
  }
  buckets_ = std::move(merged);
  check_numel();
}

}  // namespace gradpath
