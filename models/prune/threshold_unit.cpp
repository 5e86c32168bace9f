#include "models/prune/threshold_unit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "models/theory/lognormal_pruning.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kMagnitudeMask = 0x7fffffffu;
constexpr std::uint32_t kFractionMask = 0x007fffffu;
constexpr std::uint32_t kInfinityField = 255;
constexpr int kFractionBits = 23;
constexpr int kTargetBits = 16;

void check_length(std::uint64_t elements, std::uint64_t most) {
  if (elements > most) throw std::length_error("threshold unit: more than 2^28 elements");
}

}  // namespace

// --- HistogramThreshold

namespace {
constexpr int kCountFraction = 8;  // counts and sums are in 256ths of an element
constexpr int kSolvedBits = 10;    // of the threshold's fraction
}  // namespace

HistogramThreshold::HistogramThreshold(const Config& config) : config_(config) {
  if (config.mantissa_bits < 0 || config.mantissa_bits > 2 || config.first_field < 1 ||
      config.binades < 1 || config.first_field + config.binades > 254) {
    throw std::invalid_argument("threshold unit: configuration out of range");
  }
  clear();
}

void HistogramThreshold::clear() {
  elements_ = zeros_ = below_ = 0;
  counts_.assign(static_cast<std::size_t>(config_.binades) << config_.mantissa_bits, 0);
}

void HistogramThreshold::add(std::span<const float> values) {
  elements_ += values.size();
  check_length(elements_, kMaxElements);
  const int drop = kFractionBits - config_.mantissa_bits;
  const auto first = static_cast<std::uint32_t>(config_.first_field) << config_.mantissa_bits;
  for (const float x : values) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & kMagnitudeMask;
    const std::uint32_t index = magnitude >> drop;
    if (magnitude == 0) {
      ++zeros_;
    } else if (index < first) {
      ++below_;
    } else if (index - first < counts_.size()) {
      ++counts_[index - first];
    }
  }
}

std::uint32_t HistogramThreshold::solve(std::uint16_t target) const {
  return solve_zeros(target * elements_);
}

std::uint32_t HistogramThreshold::solve_zeros(std::uint64_t wanted) const {
  if (zeros_ << kTargetBits >= wanted) return 0;
  const int b = config_.mantissa_bits;
  const auto per_binade = std::size_t{1} << b;
  // In units of the binade: surplus = elements at or below - wanted zeros; sum of their values.
  std::int64_t surplus = static_cast<std::int64_t>((zeros_ + below_) << kCountFraction) -
                         static_cast<std::int64_t>(wanted >> (kTargetBits - kCountFraction));
  std::int64_t sum = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    const std::size_t place = bucket % per_binade;
    if (place == 0) sum >>= 1;  // the next binade's unit is twice as large
    const std::int64_t count = counts_[bucket];
    const auto middle = static_cast<std::int64_t>(2 * per_binade + 2 * place + 1);
    const std::int64_t next_surplus = surplus + (count << kCountFraction);
    const std::int64_t next_sum = sum + ((count * middle) << (kCountFraction - 1 - b));
    // Expected zeros at the upper edge: elements - sum / edge.
    const auto edge = static_cast<std::int64_t>(per_binade + place + 1);
    if (next_surplus * edge >= next_sum << b) return bisect(bucket, surplus, sum);
    surplus = next_surplus;
    sum = next_sum;
  }
  return static_cast<std::uint32_t>(config_.first_field + config_.binades) << kFractionBits;
}

// The sign of surplus a - sum + count (a - lo)^2 / (2 width) says whether a reaches the target; the
// bits of a are decided from the top, by additions alone.
std::uint32_t HistogramThreshold::bisect(std::size_t bucket, std::int64_t surplus,
                                         std::int64_t sum) const {
  constexpr int k = kSolvedBits;
  const int b = config_.mantissa_bits;
  const auto per_binade = std::size_t{1} << b;
  const auto place = static_cast<std::int64_t>(bucket % per_binade);
  const std::int64_t count = counts_[bucket];
  const auto shifted = [](std::int64_t value, int places) {
    return value * (std::int64_t{1} << places);
  };
  std::int64_t excess =
      shifted(surplus * (static_cast<std::int64_t>(per_binade) + place), 2 * k - b) -
      shifted(sum, 2 * k);
  std::int64_t linear = shifted(surplus, 2 * k - b - 1);
  std::int64_t square = shifted(count, 2 * k - b + 5);
  std::int64_t cross = 0;
  std::uint32_t rest = 0;
  for (int step = 0; step < k - b; ++step) {
    const std::int64_t trial = excess + linear + cross + square;
    rest <<= 1;
    if (trial < 0) {
      excess = trial;
      cross += 2 * square;
      rest |= 1;
    }
    linear >>= 1;
    square >>= 2;
    cross >>= 1;
  }
  const auto field = static_cast<std::uint32_t>(config_.first_field) +
                     static_cast<std::uint32_t>(bucket / per_binade);
  const std::uint32_t top = static_cast<std::uint32_t>(place) << (k - b) | rest;
  // The middle of what the decided bits leave open.
  return field << kFractionBits | (2 * top + 1) << (kFractionBits - k - 1);
}

// --- LogThreshold

namespace {
constexpr int kLogBits = 8;      // fraction bits of a logarithm
constexpr int kLaneLogBits = 5;  // of an element's
constexpr int kOne = 1 << kLogBits;
constexpr int kLaneLogRest = 4;  // what an element's logarithm loses in the mean, in 256ths
}  // namespace

LogThreshold::LogThreshold() {
  for (std::size_t i = 0; i < log2_table_.size(); ++i) {
    const auto at = static_cast<double>(i);
    log2_table_[i] = static_cast<int>(std::lround(kOne * std::log2(1 + (at + 0.5) / 64)));
    exp2_table_[i] = static_cast<int>(std::lround(1024 * (std::exp2((4 * at + 1.5) / 256) - 1)));
  }
  for (std::size_t t = 0; t < kKeptPoints; ++t) {
    for (std::size_t w = 0; w < kVariancePoints; ++w) {
      const double kept = std::exp2(-std::max(static_cast<double>(t) / 2, 1.0 / 32));
      const double octaves = std::exp2((static_cast<double>(w) / 2 - 4) / 2);
      table_[t][w] = static_cast<int>(std::lround(
          kOne * octaves * theory::standard_threshold(1 - kept, octaves * std::numbers::ln2)));
    }
  }
}

void LogThreshold::clear() { elements_ = count_ = sum_ = square_sum_ = 0; }

void LogThreshold::add(std::span<const float> values) {
  elements_ += values.size();
  check_length(elements_, kMaxElements);
  for (const float x : values) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & kMagnitudeMask;
    const std::uint32_t field = magnitude >> kFractionBits;
    if (field == 0 || field == kInfinityField) continue;
    const std::uint32_t fraction = (magnitude & kFractionMask) >> (kFractionBits - 6);
    const std::uint64_t logarithm =
        std::uint64_t{field} << kLaneLogBits |
        static_cast<std::uint32_t>(log2_table_[fraction]) >> (kLogBits - kLaneLogBits);
    ++count_;
    sum_ += logarithm;
    square_sum_ += logarithm * logarithm;
  }
}

// log2 of a positive number in 256ths, from its top seven bits.
int LogThreshold::log2_of(Wide value) const {
  int top = 127;
  while ((value >> top & 1) == 0) --top;
  const auto rest = static_cast<std::uint32_t>(top >= 6 ? value >> (top - 6) : value << (6 - top));
  return top * kOne + log2_table_[rest & 63];
}

std::uint32_t LogThreshold::solve(std::uint16_t target) const {
  return solve_zeros(target * elements_);
}

std::uint32_t LogThreshold::solve_zeros(std::uint64_t wanted) const {
  if (count_ == 0) return 0;
  const std::uint64_t kept = (elements_ << kTargetBits) - wanted;
  const int kept_octaves = log2_of(count_) + kTargetBits * kOne - log2_of(kept);
  if (kept_octaves <= 0) return 0;

  const Wide variance = Wide{count_} * square_sum_ - Wide{sum_} * sum_;  // times count^2
  int variance_octaves = -4 * kOne;
  if (variance != 0) {
    variance_octaves = log2_of(variance) - 2 * log2_of(count_) - 2 * kLaneLogBits * kOne;
  }
  // The table's steps are half an octave.
  constexpr int kStep = kOne / 2;
  const int t = std::min(kept_octaves, static_cast<int>(kKeptPoints - 1) * kStep - 1);
  const int w =
      std::clamp(variance_octaves + 4 * kOne, 0, static_cast<int>(kVariancePoints - 1) * kStep - 1);
  const auto row = static_cast<std::size_t>(t / kStep);
  const auto column = static_cast<std::size_t>(w / kStep);
  const auto between = [](int a, int b, int fraction) { return a + ((b - a) * fraction >> 7); };
  const int low = between(table_[row][column], table_[row][column + 1], w % kStep);
  const int high = between(table_[row + 1][column], table_[row + 1][column + 1], w % kStep);

  const auto mean = static_cast<int>((sum_ << (kLogBits - kLaneLogBits)) / count_);
  const int threshold = mean + kLaneLogRest + between(low, high, t % kStep);
  if (threshold < kOne) return 0;  // below fp32's normals
  if (threshold >= 255 * kOne) return 0x7f7fffffu;
  const auto bits = static_cast<std::uint32_t>(threshold);
  const auto fraction = static_cast<std::uint32_t>(exp2_table_[bits % kOne >> 2]);
  return (bits >> kLogBits) << kFractionBits | fraction << (kFractionBits - 10);
}

}  // namespace gradpath
