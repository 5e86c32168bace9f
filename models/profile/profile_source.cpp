#include "models/profile/profile_source.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace gradpath {
namespace {

// The elements of a bucket that are not ties, evenly about their mean.
class Spread {
 public:
  explicit Spread(const ProfileBucket& bucket)
      : count_(static_cast<double>(std::max<std::uint64_t>(bucket.count - bucket.ties, 1))),
        mean_(static_cast<double>(bucket.low_sum) / count_) {
    const double square_mean = static_cast<double>(bucket.low_square_sum) / count_;
    // n points evenly over [-w, w] have the variance w^2 / 3 (1 - 1 / n^2).
    const double variance = std::max(square_mean - mean_ * mean_, 0.0);
    if (count_ > 1) half_width_ = std::sqrt(3 * variance / (1 - 1 / (count_ * count_)));
    half_width_ = std::min({half_width_, mean_ - kLeast, kMost - mean_});
  }

  [[nodiscard]] std::uint32_t low(std::uint64_t i) const {
    const double place = (2 * static_cast<double>(i) + 1) / count_ - 1;
    return static_cast<std::uint32_t>(
        std::clamp(std::round(mean_ + half_width_ * place), kLeast, kMost));
  }

 private:
  static constexpr double kLeast = 1;
  static constexpr double kMost = 65535;
  double count_;
  double mean_;
  double half_width_ = 0;
};

}  // namespace

TensorSource profile_source(std::shared_ptr<const Profile> profile) {
  std::vector<std::uint64_t> ends;  // of each bucket's elements
  std::uint64_t end = profile->zeros() + profile->infs() + profile->nans();
  for (const ProfileBucket& bucket : profile->buckets()) ends.push_back(end += bucket.count);
  const auto read = [profile, ends](std::uint64_t first, std::size_t count,
                                    std::vector<float>& buffer) -> std::span<const float> {
    const std::uint64_t zeros = profile->zeros();
    const std::uint64_t infs = zeros + profile->infs();
    const std::uint64_t nans = infs + profile->nans();
    buffer.resize(count);
    std::size_t k = 0;
    for (; k < count && first + k < nans; ++k) {
      buffer[k] = first + k < zeros  ? 0.0f
                  : first + k < infs ? std::numeric_limits<float>::infinity()
                                     : std::numeric_limits<float>::quiet_NaN();
    }
    auto b = static_cast<std::size_t>(std::ranges::upper_bound(ends, first + k) - ends.begin());
    for (; k < count; ++b) {
      const ProfileBucket& bucket = profile->buckets()[b];
      const Spread spread(bucket);
      for (; k < count && first + k < ends[b]; ++k) {
        const std::uint64_t i = bucket.count - (ends[b] - first - k);
        const std::uint32_t low = i < bucket.ties ? 0 : spread.low(i - bucket.ties);
        buffer[k] = std::bit_cast<float>(std::uint32_t{bucket.key} << 16 | low);
      }
    }
    return buffer;
  };
  return {profile->numel(), read};
}

double largest_unplaced_share(const Profile& profile) {
  std::uint64_t most = 0;
  for (const ProfileBucket& bucket : profile.buckets()) {
    most = std::max(most, bucket.count - bucket.ties);
  }
  return most == 0 ? 0.0 : static_cast<double>(most) / static_cast<double>(profile.nonzeros());
}

}  // namespace gradpath
