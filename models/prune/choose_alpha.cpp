#include "models/prune/choose_alpha.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <unordered_set>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kReleaseEvery = 4096;  // elements drawn, each from a page of its own
constexpr std::uint64_t kSamplePurpose = 0x73616d706c65;  // "sample"

struct WideBucket {
  double low = 0;  ///< values from `low` to `high`
  double high = 0;
  double count = 0;
};

double edge(std::uint32_t key) { return std::bit_cast<float>(key << 16); }

std::vector<WideBucket> wide_buckets(const MagnitudeTable& table, int mantissa_bits) {
  const int dropped = 7 - mantissa_bits;
  std::vector<WideBucket> wide;
  std::uint32_t last = 0;
  for (const MagnitudeBucket& bucket : table.buckets()) {
    const std::uint32_t first = bucket.key >> dropped << dropped;
    if (wide.empty() || first != last) {
      const std::uint32_t end = first + (1u << dropped);
      // The last one ends where infinity is, at 2^128.
      const double high = end >= 0x7f80 ? 0x1p128 : edge(end);
      wide.push_back({.low = edge(first), .high = high, .count = 0});
    }
    last = first;
    wide.back().count += static_cast<double>(bucket.count);
  }
  return wide;
}

}  // namespace

float histogram_threshold(MagnitudeTable& table, int mantissa_bits, double target) {
  const TensorCounts& counts = table.counts();
  if (!needs_pruning(counts, target)) return 0.0f;
  const double wanted =
      target * static_cast<double>(counts.numel) - static_cast<double>(counts.zeros);
  double count = 0;
  double sum = 0;
  for (const WideBucket& bucket : wide_buckets(table, mantissa_bits)) {
    const double mean = 0.5 * (bucket.low + bucket.high);
    // At the bucket's end it counts as a whole.
    if (count + bucket.count - (sum + bucket.count * mean) / bucket.high <= wanted) {
      count += bucket.count;
      sum += bucket.count * mean;
      continue;
    }
    // count - sum / a + k (a - low)^2 / a = wanted, k = bucket.count / (2 width), times a, with
    // a = low + t: k t^2 + b t - c = 0. c < 0: met before the bucket begins, where k has no part.
    const double b = count - wanted;
    const double c = sum - b * bucket.low;
    if (c < 0) break;
    // Else there is one root t >= 0; without cancellation for either sign of b.
    const double k = bucket.count / (2 * (bucket.high - bucket.low));
    const double root = std::sqrt(b * b + 4 * k * c);
    const double t = b >= 0 ? 2 * c / (b + root) : (root - b) / (2 * k);
    return threshold_to_fp32(bucket.low + t, target);
  }
  return threshold_to_fp32(sum / (count - wanted), target);
}

std::vector<float> draw_sample(const TensorSource& source, std::uint32_t size, Seed seed) {
  std::vector<float> sample;
  if (size >= source.numel()) {
    source.visit([&](std::uint64_t, std::span<const float> values) {
      sample.insert(sample.end(), values.begin(), values.end());
    });
    return sample;
  }
  const CounterRandom random(derive(seed, kSamplePurpose));
  std::unordered_set<std::uint64_t> chosen;
  std::vector<float> buffer;
  sample.reserve(size);
  for (std::uint64_t j = source.numel() - size; j < source.numel(); ++j) {
    // 64 random bits: the chances of the j + 1 indices differ by less than 2^-31 relative.
    const std::uint64_t word = std::uint64_t{random.word(2 * j)} << 32 | random.word(2 * j + 1);
    const auto low = (word & 0xffffffffu) * (j + 1) >> 32;
    std::uint64_t index = ((word >> 32) * (j + 1) + low) >> 32;
    if (!chosen.insert(index).second) {
      index = j;
      chosen.insert(j);
    }
    sample.push_back(source.read(index, 1, buffer).front());
    if (sample.size() % kReleaseEvery == 0) source.release(0, source.numel());
  }
  source.release(0, source.numel());
  return sample;
}

float choose_alpha(const AlphaRule& rule, PruneInput& input, const PruneOptions& options) {
  const double target = options.target_sparsity;
  switch (rule.kind) {
    case AlphaRule::Kind::exact:
      break;
    case AlphaRule::Kind::lognormal:
      return lognormal_threshold(input.fit(), target);
    case AlphaRule::Kind::histogram:
      return histogram_threshold(input.table(), static_cast<int>(rule.parameter), target);
    case AlphaRule::Kind::sample: {
      const std::vector<float> sample = draw_sample(input.source(), rule.parameter, options.seed);
      MagnitudeTable table{std::span<const float>(sample)};
      try {
        return exact_threshold(table, target);
      } catch (const UserError& error) {
        throw UserError(fmt::format("a sample of {} elements: {}, a larger sample or `exact`",
                                    sample.size(), error.what()));
      }
    }
    case AlphaRule::Kind::last_step:
      check_target(target);
      if (options.last_alpha) return *options.last_alpha;
      break;
  }
  return exact_threshold(input.table(), target);
}

}  // namespace gradpath
