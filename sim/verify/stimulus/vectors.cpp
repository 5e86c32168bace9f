#include "sim/verify/stimulus/vectors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <initializer_list>

#include "models/format/codec.hpp"
#include "models/round/random.hpp"
#include "sim/verify/stimulus/batch.hpp"

namespace gradpath::verify {
namespace {

constexpr std::uint32_t kSignBit = 0x80000000u;
constexpr std::uint32_t kInfinity = 0x7f800000u;
constexpr std::uint32_t kFraction = 0x007fffffu;
constexpr int kFractionBits = 23;
constexpr std::uint32_t kMostMagnitude = 0x7fffffffu;

// Sorted, without repeats, and with the negative of each.
std::vector<std::uint32_t> both_signs(std::vector<std::uint32_t> magnitudes) {
  std::sort(magnitudes.begin(), magnitudes.end());
  magnitudes.erase(std::unique(magnitudes.begin(), magnitudes.end()), magnitudes.end());
  const std::size_t count = magnitudes.size();
  for (std::size_t i = 0; i < count; ++i) magnitudes.push_back(magnitudes[i] | kSignBit);
  return magnitudes;
}

std::vector<std::uint32_t> special_magnitudes() {
  std::vector<std::uint32_t> inputs = {0,
                                       1,
                                       2,
                                       3,
                                       kFraction - 1,
                                       kFraction,
                                       kFraction + 1,
                                       kFraction + 2,
                                       0x3f800000u,
                                       kInfinity - 2,
                                       kInfinity - 1,
                                       kInfinity,
                                       kMostMagnitude};
  for (int k = 0; k < kFractionBits; ++k) {
    inputs.push_back(1u << k);              // subnormals with one bit
    inputs.push_back(kInfinity | 1u << k);  // NaNs
  }
  for (int k = kFractionBits; k < 31; ++k) inputs.push_back(1u << k);
  return inputs;
}

}  // namespace

std::vector<std::uint32_t> bf16_inputs() {
  std::vector<std::uint32_t> inputs(1u << 16);
  for (std::uint32_t i = 0; i < inputs.size(); ++i) inputs[i] = i << 16;
  return inputs;
}

std::vector<std::uint32_t> special_inputs() { return both_signs(special_magnitudes()); }

std::vector<std::uint32_t> corner_inputs(const Format& format) {
  std::vector<double> values;
  for (Code code = 0; code <= format.max_finite_magnitude(); ++code) {
    values.push_back(decode(format, code));
  }
  // Past the end the grid goes on; its first step decides on overflow. Twice the largest is beyond.
  const double largest = values.back();
  const double step = values.size() > 1 ? largest - values[values.size() - 2] : largest;
  values.insert(values.end(), {largest + step, largest + 2 * step, 2 * largest, 4 * largest});

  std::vector<std::uint32_t> inputs = special_magnitudes();
  const auto add_around = [&](double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    if (bits > kInfinity) return;
    inputs.push_back(bits);
    for (int k = 0; k < kFractionBits; ++k) {
      const std::uint32_t distance = 1u << k;
      if (bits >= distance) inputs.push_back(bits - distance);
      if (bits + distance < kInfinity) inputs.push_back(bits + distance);
    }
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    add_around(values[i]);
    if (i > 0) add_around((values[i - 1] + values[i]) / 2);
  }
  return both_signs(std::move(inputs));
}

std::uint32_t step_number(const Format& format, const Rounding& rounding, float x) {
  const double magnitude = std::fabs(double{x});
  if (!(magnitude > 0) || !std::isfinite(magnitude)) return 1;
  const int exponent = std::max(std::ilogb(magnitude), format.min_exponent());
  // All exact: x has 24 bits, and a double 53.
  const double quanta = std::ldexp(magnitude, format.mantissa_bits - exponent);
  const double scaled = std::ldexp(quanta - std::floor(quanta), rounding.random_bits);
  const double top =
      rounding.mode == Rounding::Mode::sru ? std::nearbyint(scaled) : std::floor(scaled);
  const double numbers = std::ldexp(1.0, rounding.random_bits);
  return static_cast<std::uint32_t>(std::clamp(numbers - top, 1.0, numbers - 1));
}

std::vector<std::uint32_t> pruner_thresholds(std::uint64_t seed) {
  std::vector<std::uint32_t> alphas = {0,
                                       1,
                                       2,
                                       3,
                                       0x00400000u,
                                       kFraction,
                                       kFraction + 1,
                                       kFraction + 2,
                                       0x00ffffffu,
                                       0x01000000u,
                                       0x33d6bf95u,
                                       0x3f7fffffu,
                                       0x3f800000u,
                                       0x3f800001u,
                                       0x3fc00000u,
                                       0x3fffffffu,
                                       kInfinity - 1};
  const CounterRandom random{Seed{seed}};
  // Each bit of the exponent field alone, as the lane asks whether any of them is set.
  for (int bit = 1; bit < 8; ++bit) {
    const std::uint32_t field = std::uint32_t{1} << (kFractionBits + bit);
    alphas.push_back(field | (random.word(static_cast<std::uint64_t>(bit) + 64) & kFraction));
  }
  for (std::uint64_t i = 0; i < 16; ++i) alphas.push_back(random.word(i) % kInfinity);
  return alphas;
}

std::vector<std::uint32_t> pruner_inputs(std::uint32_t alpha, std::uint64_t seed) {
  constexpr std::uint32_t kMostDistance = 24 + 4;
  std::vector<std::uint32_t> inputs = special_magnitudes();
  for (std::uint32_t k = 0; k <= 3; ++k) {
    if (alpha >= k) inputs.push_back(alpha - k);
    inputs.push_back(alpha + k);
  }
  const CounterRandom random{Seed{seed ^ alpha}};
  const std::uint32_t field = alpha >> kFractionBits;
  const std::uint32_t fraction = alpha & kFraction;
  for (std::uint32_t distance = 0; distance <= std::min(field, kMostDistance); ++distance) {
    const std::uint32_t exponent = (field - distance) << kFractionBits;
    for (const std::uint32_t f :
         {0u, 1u, kFraction / 2, kFraction / 2 + 1, kFraction - 1, kFraction, fraction,
          fraction - 1, fraction + 1, random.word(distance), random.word(distance + 64)}) {
      inputs.push_back(exponent | (f & kFraction));
    }
  }
  return both_signs(std::move(inputs));
}

float deciding_value(const StochasticPruner& pruner, std::uint32_t word, std::uint32_t dice) {
  constexpr std::uint32_t kLargest = 0x7f7fffffu;
  const auto kept = first_difference(0, kLargest, [&](std::uint32_t bits) {
    return pruner.prune(std::bit_cast<float>(bits), word) != 0;
  });
  return std::bit_cast<float>((kept.value_or(kLargest) - (dice & 1)) | (dice & 0x80000000u));
}

float deciding_value(const Format& format, const CastOptions& options, int scale_exponent, float x,
                     std::uint32_t word, std::uint32_t dice) {
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000u;
  const std::uint32_t low = std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
  const auto code = [&](std::uint32_t bits) {
    return encode(format, options,
                  std::ldexp(double{std::bit_cast<float>(bits | sign)}, scale_exponent), word);
  };
  const std::uint32_t high = std::min(low + (2u << 23), 0x7f7fffffu);
  if (low >= high) return x;
  const auto next =
      first_difference(low, high, [&](std::uint32_t bits) { return code(bits) != code(low); });
  return next ? std::bit_cast<float>((*next - (dice & 1)) | sign) : x;
}

std::uint32_t bucket_magnitude(const HistogramThreshold::Config& config, int bucket) {
  const int b = config.mantissa_bits;
  return static_cast<std::uint32_t>((config.first_field << b) + bucket) << (kFractionBits - b);
}

std::vector<HistogramTie> histogram_ties(const HistogramThreshold::Config& config,
                                         std::size_t lanes, std::size_t most_elements) {
  constexpr int kSolvedBits = 10;
  const int b = config.mantissa_bits;
  const std::int64_t steps = 1 << (kSolvedBits - b);
  std::vector<HistogramTie> ties;
  for (int bucket = 0; bucket < 1 << b; ++bucket) {
    const std::int64_t low = ((1 << b) + bucket) * steps;
    // No element is below the bucket: the surplus is what is wanted, in 256ths, below zero. The
    // last a is low + r, r odd.
    for (std::int64_t count = 1; count <= static_cast<std::int64_t>(most_elements); count += 2) {
      if (static_cast<std::size_t>(count) % lanes != 1 % lanes) continue;
      for (std::int64_t r = 1; r < steps; r += 2) {
        const std::int64_t unit = (low + r) << (3 - b);
        for (const std::int64_t excess : {-1, 0, 1}) {
          const std::int64_t numerator = count * r * r - excess;
          const std::int64_t wanted = numerator / unit * 256;
          if (numerator % unit != 0 || wanted <= 0 || wanted >= count << 16) continue;
          ties.push_back(
              {.magnitude = bucket_magnitude(config, bucket),
               .elements = static_cast<std::size_t>(count),
               .target = static_cast<std::uint16_t>(wanted / count),
               .last_target = static_cast<std::uint16_t>(wanted / count + wanted % count)});
        }
      }
    }
  }
  return ties;
}

}  // namespace gradpath::verify
