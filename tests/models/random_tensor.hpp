#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/seed.hpp"

namespace gradpath {

/// n values of random sign, ln|x| normal with mean mu and standard deviation sigma; a share of them
/// zero (of either sign).
inline std::vector<float> lognormal_tensor(std::uint64_t seed, std::size_t n, double mu,
                                           double sigma, double zeros = 0.0) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> log(mu, sigma);
  std::uniform_real_distribution<double> uniform;
  std::vector<float> values(n);
  for (float& x : values) {
    const double magnitude = uniform(random) < zeros ? 0.0 : std::exp(log(random));
    x = static_cast<float>(uniform(random) < 0.5 ? -magnitude : magnitude);
  }
  return values;
}

}  // namespace gradpath
