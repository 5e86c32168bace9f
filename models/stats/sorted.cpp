#include "models/stats/sorted.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kMagnitudeMask = 0x7fffffffu;
constexpr std::uint32_t kInfinity = 0x7f800000u;

bool is_finite_nonzero(std::uint32_t bits) {
  const std::uint32_t magnitude = bits & kMagnitudeMask;
  return magnitude - 1u < kInfinity - 1u;
}

/// The bits that any element has set, to find tensors of bf16 values.
std::uint32_t union_of_bits(std::span<const float> values) {
  std::uint32_t all = 0;
  for (const float x : values) all |= std::bit_cast<std::uint32_t>(x);
  return all;
}

/// Sorts 32-bit keys ascending: least significant digit first, all histograms in one pass. A digit
/// that is the same in every key costs nothing more.
void radix_sort(std::vector<std::uint32_t>& keys) {
  constexpr unsigned kDigitBits = 11;
  constexpr std::size_t kDigits = 3;
  constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
  constexpr std::uint32_t kDigitMask = kBuckets - 1;

  std::array<std::array<std::uint32_t, kBuckets>, kDigits> histogram{};
  for (const std::uint32_t key : keys) {
    for (std::size_t d = 0; d < kDigits; ++d)
      ++histogram[d][(key >> (d * kDigitBits)) & kDigitMask];
  }
  std::vector<std::uint32_t> other(keys.size());
  for (std::size_t d = 0; d < kDigits; ++d) {
    auto& starts = histogram[d];
    if (std::ranges::find(starts, keys.size()) != starts.end()) continue;
    std::uint32_t start = 0;
    for (std::uint32_t& bucket : starts) start += std::exchange(bucket, start);
    for (const std::uint32_t key : keys) {
      other[starts[(key >> (d * kDigitBits)) & kDigitMask]++] = key;
    }
    keys.swap(other);
  }
}

}  // namespace

SortedMagnitudes::SortedMagnitudes(std::span<const float> values) : counts_(count_tensor(values)) {
  if (values.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw UserError(fmt::format("tensor of {} elements: expected fewer than 2^32 to sort; split it",
                                values.size()));
  }
  if ((union_of_bits(values) & 0xffffu) == 0) {
    count_codes(values);
  } else {
    sort_keys(values);
  }
}

void SortedMagnitudes::append(std::uint32_t magnitude_bits, std::uint32_t positive,
                              std::uint32_t negative) {
  const std::uint32_t before = up_to_.empty() ? 0 : up_to_.back();
  const std::uint32_t negative_before = negatives();
  magnitudes_.push_back(std::bit_cast<float>(magnitude_bits));
  up_to_.push_back(before + positive + negative);
  negative_up_to_.push_back(negative_before + negative);
}

void SortedMagnitudes::count_codes(std::span<const float> values) {
  constexpr std::uint32_t kNegative = 0x8000u;
  constexpr std::uint32_t kInfinityCode = kInfinity >> 16;
  std::vector<std::uint32_t> histogram(std::size_t{1} << 16);
  for (const float x : values) ++histogram[std::bit_cast<std::uint32_t>(x) >> 16];
  for (std::uint32_t code = 1; code < kInfinityCode; ++code) {
    const std::uint32_t positive = histogram[code];
    const std::uint32_t negative = histogram[code | kNegative];
    if (positive + negative > 0) append(code << 16, positive, negative);
  }
}

void SortedMagnitudes::sort_keys(std::span<const float> values) {
  // The sign goes below the magnitude: one sort orders magnitudes and keeps the signs apart.
  std::vector<std::uint32_t> keys;
  keys.reserve(counts_.nonzeros());
  for (const float x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if (is_finite_nonzero(bits)) keys.push_back(std::rotl(bits, 1));
  }
  radix_sort(keys);

  std::size_t distinct = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i == 0 || (keys[i] | 1u) != (keys[i - 1] | 1u)) ++distinct;
  }
  magnitudes_.reserve(distinct);
  up_to_.reserve(distinct);
  negative_up_to_.reserve(distinct);
  for (std::size_t i = 0; i < keys.size();) {
    const std::uint32_t magnitude_bits = keys[i] >> 1;
    std::uint32_t positive = 0;
    std::uint32_t negative = 0;
    for (; i < keys.size() && keys[i] >> 1 == magnitude_bits; ++i) {
      const std::uint32_t is_negative = keys[i] & 1u;
      negative += is_negative;
      positive += 1u - is_negative;
    }
    append(magnitude_bits, positive, negative);
  }
}

}  // namespace gradpath
