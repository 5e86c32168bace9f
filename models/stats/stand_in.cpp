#include "models/stats/stand_in.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "models/format/fp32.hpp"
#include "models/stats/sorted.hpp"

namespace gradpath {

std::vector<float> histogram_stand_in(const TensorSource& source, int mantissa_bits) {
  if (mantissa_bits < 0 || mantissa_bits > 7) {
    throw std::invalid_argument("histogram_stand_in: mantissa bits outside 0 to 7");
  }
  const int shift = 23 - mantissa_bits;
  std::vector<std::uint64_t> counts(std::size_t{1} << (32 - shift));
  source.visit([&](std::uint64_t, std::span<const float> values) {
    for (const float x : values) {
      const auto bits = std::bit_cast<std::uint32_t>(x);
      if ((bits & ~fp32::kSign) - 1u < fp32::kInfinity - 1u) ++counts[bits >> shift];
    }
  });
  std::vector<float> spread;
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    const std::uint64_t n = counts[bucket];
    if (n == 0) continue;
    const auto first = static_cast<std::uint32_t>(bucket) << shift;
    const double low = std::bit_cast<float>(first & ~fp32::kSign);
    // The bucket below infinity ends at 2^128, which is no fp32.
    const std::uint32_t next = (first & ~fp32::kSign) + (std::uint32_t{1} << shift);
    const double high = next == fp32::kInfinity ? 0x1p128 : double{std::bit_cast<float>(next)};
    for (std::uint64_t i = 0; i < n; ++i) {
      const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(n);
      const double x =
          std::clamp(low + (high - low) * at, double{std::numeric_limits<float>::denorm_min()},
                     double{std::numeric_limits<float>::max()});
      spread.push_back(static_cast<float>((first & fp32::kSign) != 0 ? -x : x));
    }
  }
  return spread;
}

double magnitude_quantile(const SortedMagnitudes& sorted, double p) {
  const std::uint64_t n = sorted.counts().nonzeros();
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  const double position = static_cast<double>(n - 1) * p;
  const double below = std::floor(position);
  const auto rank = static_cast<std::uint64_t>(below);
  const double low = sorted.magnitude_at(rank);
  if (position == below) return low;
  return low + (position - below) * (double{sorted.magnitude_at(rank + 1)} - low);
}

}  // namespace gradpath
