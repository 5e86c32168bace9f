#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace gradpath {

/// The seed of a randomised test: GRADPATH_TEST_SEED, else a fixed one. Printed, so that a failure
/// can be run again.
inline std::uint64_t test_seed(std::uint64_t fixed) {
  const char* text = std::getenv("GRADPATH_TEST_SEED");
  const std::uint64_t seed = text == nullptr ? fixed : std::strtoull(text, nullptr, 10);
  std::cout << "GRADPATH_TEST_SEED=" << seed << "\n";
  return seed;
}

}  // namespace gradpath
