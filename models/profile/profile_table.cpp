#include "models/profile/profile_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <tuple>

#include "models/stats/fit.hpp"
#include "models/stats/sum.hpp"

namespace gradpath {
namespace {

constexpr double kUnits = 65536;                // of a bucket
constexpr int kSubnormalBucketExponent = -133;  // 2^-126 / 2^7

// Sum of f over the elements of a bucket whose lower edge is b, f(x) with x in buckets: exact at
// the edge; inside, Taylor's expansion about the mean of the elements, whose first error is their
// third moment: nothing for one or two elements, nearly nothing for a smooth density.
template <class F, class SecondDerivative>
double sum_over(const ProfileBucket& bucket, int b, F f, SecondDerivative second_derivative) {
  const auto ties = static_cast<double>(bucket.ties);
  const auto inside = static_cast<double>(bucket.count - bucket.ties);
  double sum = ties > 0 ? ties * f(static_cast<double>(b)) : 0.0;
  if (inside > 0) {
    const Uint128 n = bucket.count - bucket.ties;
    const double mean = b + static_cast<double>(bucket.low_sum) / (inside * kUnits);
    const auto n2_variance =
        static_cast<double>(n * bucket.low_square_sum - Uint128{bucket.low_sum} * bucket.low_sum);
    const double n_variance = n2_variance / inside / (kUnits * kUnits);
    sum += inside * f(mean) + 0.5 * n_variance * second_derivative(mean);
  }
  return sum;
}

}  // namespace

ProfileTable::Sums ProfileTable::Binade::between(int from, int to) const {
  const Sums& a = before[static_cast<std::size_t>(from - first)];
  const Sums& b = before[static_cast<std::size_t>(to - first)];
  return {b.count - a.count, b.sum - a.sum, b.squares - a.squares, b.reciprocals - a.reciprocals};
}

ProfileTable::Sums ProfileTable::Binade::tie(int bucket) const {
  const std::uint64_t n = ties[static_cast<std::size_t>(bucket - first)];
  const auto x = static_cast<std::uint64_t>(bucket) << 16;
  return {n, n * x, Uint128{n} * x * x,
          n == 0 ? 0.0 : static_cast<double>(n) / static_cast<double>(x)};
}

ProfileTable::ProfileTable(const Profile& profile)
    : numel_(profile.numel()),
      zeros_(profile.zeros()),
      infs_(profile.infs()),
      nonzeros_(profile.nonzeros()),
      abs_min_(std::bit_cast<float>(profile.abs_min_bits())),
      abs_max_(std::bit_cast<float>(profile.abs_max_bits())) {
  std::map<std::tuple<bool, int>, std::size_t> place;
  for (const ProfileBucket& bucket : profile.buckets()) {
    const int field = (bucket.key >> 7) & 0xff;
    const int fraction = bucket.key & 0x7f;
    const bool negative = bucket.key >> 15 != 0;
    Binade binade;
    binade.negative = negative;
    int b = fraction;
    if (field > 0) {
      b += 128;
      binade.exponent = field - 127;
      binade.bucket_exponent = binade.exponent - 7;
      binade.first = 128;
      binade.last = 256;
    } else {
      binade.bucket_exponent = kSubnormalBucketExponent;
      // Bucket 0 holds sixteen binades; it is taken for the topmost and checked in measure().
      const auto width = static_cast<int>(std::bit_width(static_cast<unsigned>(fraction)));
      binade.exponent = kSubnormalBucketExponent + width - 1;
      binade.first = fraction == 0 ? 0 : 1 << (width - 1);
      binade.last = fraction == 0 ? 1 : 1 << width;
      binade.is_coarse = fraction < 64;
    }
    const auto [entry, is_new] = place.try_emplace({negative, binade.exponent}, binades_.size());
    if (is_new) {
      const auto width = static_cast<std::size_t>(binade.last - binade.first);
      binade.before.resize(width + 1);
      binade.ties.resize(width);
      binades_.push_back(std::move(binade));
    }
    Binade& home = binades_[entry->second];
    const auto i = static_cast<std::size_t>(b - home.first);
    const auto edge = static_cast<std::uint64_t>(b) << 16;
    // Filled in place i + 1, summed up below.
    home.before[i + 1] = {
        bucket.count, bucket.count * edge + bucket.low_sum,
        Uint128{bucket.count} * edge * edge + 2 * Uint128{edge} * bucket.low_sum +
            bucket.low_square_sum,
        sum_over(
            bucket, b, [](double x) { return 1 / x; }, [](double x) { return 2 / (x * x * x); }) /
            kUnits};
    home.ties[i] = bucket.ties;
    home.has_interior = home.has_interior || bucket.count > bucket.ties;
  }
  for (Binade& binade : binades_) {
    std::uint64_t elements = 0;
    for (const Sums& sums : binade.before) elements += sums.count;
    has_too_many_ = has_too_many_ || elements > kMostInABinade;
    for (std::size_t i = 1; i < binade.before.size(); ++i) {
      Sums& sums = binade.before[i];
      const Sums& previous = binade.before[i - 1];
      sums.count += previous.count;
      sums.sum += previous.sum;
      sums.squares += previous.squares;
      sums.reciprocals += previous.reciprocals;
    }
  }

  // ln|x| relative to the largest, so that nothing large is cancelled.
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  log_moments_ = {kUndefined, kUndefined};
  if (nonzeros_ == 0) return;
  const double reference = std::log(abs_max_);
  CompensatedSum first;
  CompensatedSum second;
  CompensatedSum octaves;
  for (const ProfileBucket& bucket : profile.buckets()) {
    const int field = (bucket.key >> 7) & 0xff;
    const int b = (bucket.key & 0x7f) + (field > 0 ? 128 : 0);
    const double unit = std::ldexp(1.0, field > 0 ? field - 134 : kSubnormalBucketExponent);
    const auto log = [&](double x) { return std::log(x * unit) - reference; };
    first.add(sum_over(bucket, b, log, [](double x) { return -1 / (x * x); }));
    second.add(sum_over(
        bucket, b, [&](double x) { return log(x) * log(x); },
        [&](double x) { return 2 * (1 - log(x)) / (x * x); }));
    octaves.add(sum_over(
        bucket, b, [&](double x) { return std::log2(x * unit); },
        [](double x) { return -std::numbers::log2e / (x * x); }));
  }
  const auto n = static_cast<double>(nonzeros_);
  mean_log2_ = octaves.value() / n;
  const double mean = first.value() / n;
  log_moments_ = {reference + mean, std::sqrt(std::max(0.0, second.value() / n - mean * mean))};
}

ProfileTable::LogMoments ProfileTable::log_moments() const { return log_moments_; }

double ProfileTable::expected_max() const {
  return lognormal_expected_max(log_moments_.mu_ln, log_moments_.sigma_ln, nonzeros_);
}

}  // namespace gradpath
