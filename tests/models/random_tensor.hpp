#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

namespace gradpath {

/// The seed of a randomised test: GRADPATH_TEST_SEED, else a fixed one. Printed, so that a failure
/// can be run again.
inline std::uint64_t test_seed(std::uint64_t fixed) {
  const char* text = std::getenv("GRADPATH_TEST_SEED");
  const std::uint64_t seed = text == nullptr ? fixed : std::strtoull(text, nullptr, 10);
  std::cout << "GRADPATH_TEST_SEED=" << seed << "\n";
  return seed;
}

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
