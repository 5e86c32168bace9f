#include "models/synth/variates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <stdexcept>

#include "models/synth/elementary.hpp"

namespace gradpath::synth {
namespace {

constexpr std::size_t kBlock = 1024;

/// The words of a block of elements.
struct Words {
  std::array<std::uint32_t, kBlock> high;   // of the magnitude's probability
  std::array<std::uint32_t, kBlock> low;    // of the same
  std::array<std::uint32_t, kBlock> other;  // whether it is zero; the sign in bit 8
};

void draw(Seed seed, std::uint64_t first, std::size_t count,
          std::array<std::uint32_t, kBlock>& out) {
  CounterRandom(seed).fill(first, std::span(out).first(count));
}

using Reals = std::array<double, kBlock>;

/// The centre of all as vectors first, then the tails: one in seven.
void normal_magnitudes(const Reals& tail, std::size_t count, Reals& magnitude) {
  for (std::size_t i = 0; i < count; ++i) magnitude[i] = central_normal_quantile(tail[i]);
  for (std::size_t i = 0; i < count; ++i) {
    if (tail[i] < kSmallestCentralTail) magnitude[i] = far_normal_quantile(tail[i]);
  }
}

/// Rounds to fp32, beyond its range to the largest finite.
float to_float(double x) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::max(std::min(x, kMax), -kMax));
}

void transform(const Distribution& d, const Reals& magnitude, const Words& words, std::size_t count,
               Reals& x) {
  // +1 or -1 of the lowest bit, by arithmetic: these loops run as vectors.
  const auto sign = [](std::uint32_t bit) {
    return static_cast<double>(1 - 2 * static_cast<std::int32_t>(bit & 1u));
  };
  switch (d.kind) {
    case Distribution::Kind::lognormal:
      for (std::size_t i = 0; i < count; ++i) {
        const double z = sign(words.high[i] >> 31) * magnitude[i];
        x[i] = sign(words.other[i] >> 8) * exponential(d.mu + d.sigma * z);
      }
      break;
    case Distribution::Kind::laplace:
    case Distribution::Kind::normal:
      for (std::size_t i = 0; i < count; ++i) {
        x[i] = d.mu + d.sigma * sign(words.high[i] >> 31) * magnitude[i];
      }
      break;
    case Distribution::Kind::rectified:
      for (std::size_t i = 0; i < count; ++i) x[i] = d.sigma * magnitude[i];
      break;
  }
}

}  // namespace

void check(const Distribution& d) {
  const bool is_log = d.kind == Distribution::Kind::lognormal;
  if (!(std::isfinite(d.mu) && std::abs(d.mu) <= (is_log ? 600.0 : 1e30))) {
    throw std::domain_error("distribution: mu out of range");
  }
  if (!(d.sigma >= 0.0 && d.sigma <= (is_log ? 10.0 : 1e30))) {
    throw std::domain_error("distribution: sigma out of range");
  }
  if (!(d.zeros >= 0.0 && d.zeros <= 1.0)) {
    throw std::domain_error("distribution: zeros outside [0, 1]");
  }
}

void fill(const Distribution& distribution, Seed seed, std::uint64_t first, std::span<float> out) {
  check(distribution);
  // Zero up to this word; -1 makes none zero.
  const auto last_zero = static_cast<std::int64_t>(std::llround(distribution.zeros * 0x1p32)) - 1;
  const bool is_laplace = distribution.kind == Distribution::Kind::laplace;
  Words words;
  Reals tail;
  Reals magnitude;
  Reals x;
  for (std::size_t begin = 0; begin < out.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, out.size() - begin);
    draw(derive(seed, 0), first + begin, count, words.high);
    draw(derive(seed, 1), first + begin, count, words.low);
    draw(derive(seed, 2), first + begin, count, words.other);
    for (std::size_t i = 0; i < count; ++i) {
      // 31 + 32 bits and a half: the probability of a larger magnitude on this side, in (0, 1/2).
      const auto top = static_cast<std::int32_t>(words.high[i] & 0x7fffffffu);
      const auto rest = static_cast<std::int32_t>(words.low[i] ^ 0x80000000u);
      tail[i] = static_cast<double>(top) * 0x1p-32 +
                (static_cast<double>(rest) + (0x1p31 + 0.5)) * 0x1p-64;
    }
    if (is_laplace) {
      for (std::size_t i = 0; i < count; ++i) {
        magnitude[i] = -logarithm(2.0 * tail[i]) * (1.0 / std::numbers::sqrt2);
      }
    } else {
      normal_magnitudes(tail, count, magnitude);
    }
    transform(distribution, magnitude, words, count, x);
    for (std::size_t i = 0; i < count; ++i) out[begin + i] = to_float(x[i]);
    if (last_zero < 0) continue;
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_zero = words.other[i] <= static_cast<std::uint32_t>(last_zero);
      out[begin + i] = is_zero ? 0.0f : out[begin + i];
    }
  }
}

}  // namespace gradpath::synth
