#include "sim/explore/parallel.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gradpath {
namespace {

TEST(ParallelFor, DoesEveryIndexOnce) {
  for (const unsigned threads : {1u, 2u, 7u, 64u}) {
    for (const std::size_t count : {0u, 1u, 5u, 1000u}) {
      std::vector<std::atomic<int>> done(count);
      parallel_for(count, threads, [&](std::size_t i) { ++done[i]; });
      for (const auto& times : done) ASSERT_EQ(times, 1);
    }
  }
}

TEST(ParallelFor, RethrowsTheExceptionOfTheSmallestIndex) {
  for (int repeat = 0; repeat < 200; ++repeat) {
    for (const unsigned threads : {1u, 8u}) {
      try {
        parallel_for(100, threads, [](std::size_t i) {
          if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
        });
        FAIL() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        ASSERT_STREQ(error.what(), "7");
      }
    }
  }
}

}  // namespace
}  // namespace gradpath
