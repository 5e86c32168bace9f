#include "models/prune/allocation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/prune/threshold.hpp"
#include "models/theory/lognormal_pruning.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

void one_by_one(std::size_t count, const std::function<void(std::size_t)>& work) {
  for (std::size_t i = 0; i < count; ++i) work(i);
}

// E<x, T> and E|T|^2 element by element, in long double.
double cosine_by_definition(const std::vector<float>& values, double alpha) {
  long double squares = 0;
  long double after = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const long double x = std::fabs(static_cast<long double>(value));
    squares += x * x;
    after += x < alpha ? alpha * x : x * x;
  }
  return static_cast<double>(std::sqrt(squares / after));
}

double sparsity_by_definition(const std::vector<float>& values, double alpha) {
  long double zeros = 0;
  for (const float value : values) {
    const long double x = std::fabs(static_cast<long double>(value));
    if (x == 0) zeros += 1;
    if (x > 0 && x < alpha) zeros += 1 - x / alpha;
  }
  return static_cast<double>(zeros / static_cast<long double>(values.size()));
}

// The threshold at a cosine by bisection on the definition.
double sparsity_at_cosine_by_bisection(const std::vector<float>& values, double cosine) {
  double low = -110;
  double high = 60;
  for (int step = 0; step < 80; ++step) {
    const double middle = 0.5 * (low + high);
    (cosine_by_definition(values, std::exp(middle)) > cosine ? low : high) = middle;
  }
  return sparsity_by_definition(values, std::exp(low));
}

TEST(ExpectedPruningCosine, EqualsItsDefinition) {
  const std::uint64_t seed = test_seed(101);
  for (const double sigma : {0.01, 1.0, 3.0}) {
    std::vector<float> values = lognormal_tensor(seed, 5000, -12.0, sigma, 0.2);
    values.push_back(std::numeric_limits<float>::infinity());
    MagnitudeTable table(values);
    for (const double alpha : {1e-9, 1e-6, 6.2e-6, 1e-4, 3.0}) {
      EXPECT_NEAR(expected_pruning_cosine(table, alpha), cosine_by_definition(values, alpha),
                  1e-12);
    }
    EXPECT_EQ(expected_pruning_cosine(table, 0.0), 1.0);
  }
  const std::vector<float> nothing = {0.0f, 0.0f};
  MagnitudeTable zeros(nothing);
  EXPECT_TRUE(std::isnan(expected_pruning_cosine(zeros, 1.0)));
}

TEST(ExpectedPruningCosine, IsTheClosedFormsOnLognormalTensors) {
  const double sigma = 0.7;
  const std::vector<float> values = lognormal_tensor(test_seed(102), 400'000, 0.0, sigma, 0.3);
  MagnitudeTable table(values);
  for (const double u : {0.0, 1.0, 2.5}) {
    // x^2 has a relative deviation of e^(2 sigma^2) = 2.7 or so: its mean .005, 8 of that.
    EXPECT_NEAR(expected_pruning_cosine(table, std::exp(u * sigma)),
                theory::pruning_cosine(u, sigma), 0.04);
  }
}

TEST(SparsityAtCosine, InvertsTheDefinition) {
  const std::uint64_t seed = test_seed(103);
  for (const double sigma : {0.05, 1.5, 4.0}) {
    const std::vector<float> values = lognormal_tensor(seed, 3000, -12.0, sigma, 0.1);
    MagnitudeTable table(values);
    for (const double cosine : {0.9999, 0.95, 0.7, 0.3, 0.01}) {
      EXPECT_NEAR(sparsity_at_cosine(table, cosine),
                  sparsity_at_cosine_by_bisection(values, cosine), 1e-9)
          << sigma << " " << cosine;
    }
    EXPECT_EQ(sparsity_at_cosine(table, 1.0), expected_sparsity(table, 0.0));
  }
}

std::vector<std::vector<float>> network(std::uint64_t seed) {
  return {lognormal_tensor(seed, 20'000, -12.0, 1.0),
          lognormal_tensor(seed + 1, 5'000, -9.0, 2.5, 0.5),
          lognormal_tensor(seed + 2, 500, 0.0, 0.4, 0.05),
          std::vector<float>(100, 0.0f),
          {},
          {1.0f, std::nanf(""), 2.0f}};
}

TEST(AllocateSharedCosine, SpendsTheBudgetAtOneCosine) {
  const auto layers = network(test_seed(104));
  for (const double budget : {0.2, 0.5, 0.85, 0.97}) {
    std::vector<MagnitudeTable> tables(layers.begin(), layers.end());
    const Allocation allocation = allocate_shared_cosine(tables, budget, one_by_one);
    double zeros = 0;
    double numel = 0;
    std::vector<double> cosines;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      zeros += allocation.sparsities[i] * static_cast<double>(layers[i].size());
      numel += static_cast<double>(layers[i].size());
      if (tables[i].buckets().empty()) continue;
      // The cosine at the layer's sparsity, by bisection for the threshold on the definition.
      double low = -60;
      double high = 60;
      for (int step = 0; step < 100; ++step) {
        const double middle = 0.5 * (low + high);
        const double sparsity = sparsity_by_definition(layers[i], std::exp(middle));
        (sparsity < allocation.sparsities[i] ? low : high) = middle;
      }
      cosines.push_back(cosine_by_definition(layers[i], std::exp(high)));
    }
    EXPECT_NEAR(zeros / numel, budget, 1e-12);
    EXPECT_NEAR(allocation.reached, budget, 1e-12);
    const auto [least, most] = std::ranges::minmax(cosines);
    EXPECT_NEAR(least, most, 1e-7) << budget;
  }
}

TEST(AllocateSharedCosine, LeavesZerosThatSuffice) {
  std::vector<MagnitudeTable> tables;
  const std::vector<float> half = {0, 1};
  const std::vector<float> none = {1, 2};
  tables.emplace_back(half);
  tables.emplace_back(none);
  const Allocation allocation = allocate_shared_cosine(tables, 0.25, one_by_one);
  EXPECT_EQ(allocation.sparsities, (std::vector<double>{0.5, 0.0}));
  EXPECT_EQ(allocation.reached, 0.25);
}

TEST(AllocateSharedCosine, RefusesWhatCannotBeReached) {
  const std::vector<float> infinite = {1, std::numeric_limits<float>::infinity()};
  std::vector<MagnitudeTable> tables(1, MagnitudeTable(infinite));
  EXPECT_THROW((void)allocate_shared_cosine(tables, 0.5, one_by_one), UserError);
  EXPECT_THROW((void)allocate_shared_cosine(tables, 1.0, one_by_one), UserError);
}

TEST(AllocateAsAuthors, GivesDeepBlocksTheirsAndTheRestAShare) {
  // Blocks of 100, 100, 200 elements behind 600 others: (.85 * 1000 - 95 - 98 - 196) / 600.
  const std::vector<BlockedLayer> layers = {{500, -1}, {100, 3}, {60, 2}, {40, 2},
                                            {100, 1},  {150, 0}, {50, 0}};
  const Allocation allocation = allocate_as_authors(layers, 0.85);
  const double share = (850.0 - 95 - 98 - 196) / 600;
  const std::vector<double> expected = {share, share, 0.95, 0.95, 0.98, 0.98, 0.98};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_NEAR(allocation.sparsities[i], expected[i], 1e-15) << i;
  }
  EXPECT_NEAR(allocation.reached, 0.85, 1e-15);
}

TEST(AllocateAsAuthors, StopsAtItsLimits) {
  EXPECT_EQ(allocate_as_authors(std::vector<BlockedLayer>{{90, -1}, {10, 0}}, 0.99).sparsities[0],
            0.9);
  const Allocation deep = allocate_as_authors(std::vector<BlockedLayer>{{10, -1}, {90, 0}}, 0.5);
  EXPECT_EQ(deep.sparsities, (std::vector<double>{0.0, 0.98}));
  EXPECT_NEAR(deep.reached, 0.882, 1e-15);
  EXPECT_THROW((void)allocate_as_authors(std::vector<BlockedLayer>{{10, 0}}, 1.0), UserError);
}

}  // namespace
}  // namespace gradpath
