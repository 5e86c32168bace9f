#include "sim/verify/stimulus/vectors.hpp"

#include <bit>
#include <string>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "tests/seed.hpp"

namespace gradpath::verify {
namespace {

Seed test_seed() {
  const Seed seed{gradpath::test_seed(1)};
  testing::Test::RecordProperty("seed", std::to_string(seed.value));
  return seed;
}

TEST(Vectors, TheStepNumberIsWhereStochasticRoundingGoesUp) {
  const CounterRandom random{test_seed()};
  for (const char* name : {"e5m2", "e4m3fn", "e2m1fn", "e4m3b11fnuz"}) {
    for (const char* rounding : {"sr:24", "sr:8", "sru:24", "sru:8", "sr:1"}) {
      const Rounding r = parse_rounding(rounding);
      const Quantizer golden(parse_format(name), {r, Overflow::saturate, NanPolicy::zero});
      int steps = 0;
      for (std::uint64_t i = 0; i < 20000; ++i) {
        const float x = std::bit_cast<float>((random.word(i) & 0x87ffffffu) + 0x3a000000u);
        const int up = 32 - r.random_bits;
        const std::uint32_t most = 0xffffffffu;
        if (golden.code(x, 0) == golden.code(x, most)) continue;
        ++steps;
        const std::uint32_t number = step_number(golden.format(), r, x);
        ASSERT_EQ(golden.code(x, number << up), golden.code(x, most)) << name << rounding << x;
        ASSERT_EQ(golden.code(x, (number - 1) << up), golden.code(x, 0)) << name << rounding << x;
      }
      EXPECT_GT(steps, 1000) << name << " " << rounding;
    }
  }
}

}  // namespace
}  // namespace gradpath::verify
