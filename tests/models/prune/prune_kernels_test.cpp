// The vector loops of pruning against their definitions, element by element, on every target.
#include "models/prune/prune_kernels.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "models/prune/nm_block.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();

// A size that no vector divides.
std::vector<float> tensor(std::uint64_t seed) {
  std::vector<float> values = lognormal_tensor(seed, 5003, -9.0, 2.5, 0.1);
  std::mt19937_64 random(seed);
  const float rare[] = {kInfinity, -kInfinity, std::bit_cast<float>(0xff80beefu),
                        kTiny,     -kTiny,     kMax,
                        -kMax,     1e-4f,      -1e-4f};
  for (int i = 0; i < 200; ++i) values[random() % values.size()] = rare[random() % std::size(rare)];
  return values;
}

template <class Work>
void on_every_target(Work work) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(hwy::TargetName(target));
    work();
  }
  hwy::SetSupportedTargetsForTest(0);
}

void expect_same_bits(float found, float expected, float from) {
  ASSERT_EQ(std::bit_cast<std::uint32_t>(found), std::bit_cast<std::uint32_t>(expected))
      << from << " became " << found << ", expected " << expected;
}

TEST(PruneKernels, PromoteIsTheScalarDefinition) {
  const auto in = tensor(test_seed(701));
  const CounterRandom random(Seed{5});
  on_every_target([&] {
    for (const float alpha : {0.0f, kTiny, 1e-4f, 0.3f, kMax}) {
      for (const int bits : {1, 8, 24}) {
        std::vector<float> out(in.size());
        const StochasticPruner pruner(alpha, bits);
        pruner.prune(in, out, random, 77);
        for (std::size_t i = 0; i < in.size(); ++i) {
          expect_same_bits(out[i], pruner.prune(in[i], random.word(77 + i)), in[i]);
        }
      }
    }
  });
}

TEST(PruneKernels, ScaledElementsAreRoundedOnceAndStayFinite) {
  const auto in = tensor(test_seed(702));
  const CounterRandom random(Seed{6});
  on_every_target([&] {
    for (const std::uint32_t limit : {1u, 0x10000000u, 0x80000001u, ~0u}) {
      const double factor = 0x1p32 / limit;
      std::vector<float> out(in.size());
      kernels::scale_kept({in, out.data(), random, 9}, limit, factor);
      for (std::size_t i = 0; i < in.size(); ++i) {
        float expected = in[i];
        if (std::isfinite(in[i])) {
          const double scaled = std::min(std::fabs(double{in[i]}) * factor, double{kMax});
          const bool stays = in[i] != 0 && random.word(9 + i) < limit;
          expected = stays ? static_cast<float>(std::copysign(scaled, in[i])) : 0.0f;
        }
        expect_same_bits(out[i], expected, in[i]);
      }
    }
  });
}

// |x| = whole * D + rest, both exact by fmod; up if (u + 1/2) / 2^R < rest / D, exact in 64 bits.
TEST(PruneKernels, DitheredElementsAreTheMultiplesOfTheDefinition) {
  const auto in = tensor(test_seed(703));
  const CounterRandom random(Seed{7});
  on_every_target([&] {
    for (const float step : {1e-4f, 0.7f, 1e30f, kMax}) {
      for (const int bits : {1, 8, 24}) {
        std::vector<float> out(in.size());
        std::vector<float> small = in;  // those that this arithmetic holds
        for (float& x : small) {
          if (std::isfinite(x) && std::fabs(double{x}) > 0x1p28 * double{step}) x = 0.5f * step;
        }
        ASSERT_TRUE(kernels::dither({small, out.data(), random, 3}, step, bits));
        for (std::size_t i = 0; i < in.size(); ++i) {
          float expected = small[i];
          if (std::isfinite(small[i])) {
            const double magnitude = std::fabs(small[i]);
            const double rest = std::fmod(magnitude, double{step});
            double whole = (magnitude - rest) / double{step};
            const std::uint64_t u = random.word(3 + i) >> (32 - bits);
            const long double odd = static_cast<long double>(2 * u + 1);
            if (odd * step < std::ldexp(static_cast<long double>(rest), bits + 1)) whole += 1;
            const double value = std::min(whole * double{step}, double{kMax});
            expected = value == 0 ? 0.0f : static_cast<float>(std::copysign(value, small[i]));
          }
          expect_same_bits(out[i], expected, small[i]);
        }
      }
    }
    std::vector<float> out(1);
    const std::vector<float> large = {kMax};
    EXPECT_FALSE(kernels::dither({large, out.data(), random}, 1.0f, 24));
  });
}

TEST(PruneKernels, BlocksAreThoseOfTheBlockDefinition) {
  const auto in = tensor(test_seed(704));
  const CounterRandom random(Seed{8});
  on_every_target([&] {
    for (const std::size_t m : {2u, 3u, 4u, 8u, 17u, 32u}) {
      for (const std::size_t n : {std::size_t{1}, m / 2, m - 1}) {
        std::vector<float> out(in.size());
        std::vector<float> expected(in.size());
        kernels::nm_prune({in, out.data(), random, 4 * m}, n, m);
        for (std::size_t i = 0; i < in.size(); i += m) {
          const std::size_t size = std::min(m, in.size() - i);
          nm_prune_block(std::span(in).subspan(i, size), n, random.word(4 * m + i),
                         std::span(expected).subspan(i, size));
        }
        for (std::size_t i = 0; i < in.size(); ++i) {
          SCOPED_TRACE(testing::Message() << n << ":" << m << " at " << i);
          expect_same_bits(out[i], expected[i], in[i]);
        }
      }
    }
  });
}

}  // namespace
}  // namespace gradpath
