#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/round/random.hpp"

namespace gradpath::synth {

/// What synthetic elements are drawn from. Each is zero with probability `zeros`, else
///   lognormal: of either sign with equal probability, ln|x| normal with mean mu and standard
///     deviation sigma
///   laplace, normal: x with mean mu and standard deviation sigma
///   rectified: |x| of a normal with mean 0 and standard deviation sigma (mu has no meaning)
struct Distribution {
  enum class Kind : std::uint8_t { lognormal, laplace, normal, rectified };
  Kind kind = Kind::lognormal;
  double mu = 0.0;     ///< finite; of a lognormal within [-600, 600]
  double sigma = 1.0;  ///< >= 0, finite; of a lognormal at most 10
  double zeros = 0.0;  ///< from 0 to 1
};

/// std::domain_error if a parameter is out of its range.
void check(const Distribution& distribution);

/// The seed of a synthetic tensor: of its own for every name, and no other unit's (RandomUnit).
[[nodiscard]] constexpr Seed synthetic_seed(Seed seed, std::string_view tensor) {
  constexpr std::uint64_t kSynthetic = 0x73796e74u;
  return derive(derive(seed, kSynthetic), name_hash(tensor));
}

/// Elements first .. first + out.size() - 1 of the tensor with this seed, rounded to fp32 (beyond
/// its range to the largest finite). An element depends on seed, index and distribution alone, and
/// is the same bits on every machine. 95 random bits an element: 63 for the magnitude, so that
/// tails are true to 9 standard deviations.
void fill(const Distribution& distribution, Seed seed, std::uint64_t first, std::span<float> out);

}  // namespace gradpath::synth
