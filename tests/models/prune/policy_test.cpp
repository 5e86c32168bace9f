#include "models/prune/policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Pruned {
  PruneResult result;
  std::vector<float> values;
};

Pruned prune(const std::vector<float>& in, const PruneOptions& options) {
  PruneInput input(in);
  Pruned pruned{.result = {}, .values = std::vector<float>(in.size())};
  pruned.result = prune_tensor(*parse_prune_policy("stochastic"), input, options, pruned.values);
  return pruned;
}

TEST(PrunePolicies, HaveNamesOfTheirOwnThatAreFound) {
  std::set<std::string_view> names;
  for (const PrunePolicyRow& row : prune_policies()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.help.empty());
    EXPECT_FALSE(row.syntax().empty());
  }
  EXPECT_TRUE(names.contains("stochastic"));
}

TEST(PrunePolicies, ReadTheirOwnNames) {
  for (const char* name :
       {"stochastic", "stochastic:exact", "stochastic:lognormal", "stochastic:histogram:1",
        "stochastic:sample:1024", "stochastic:last-step", "topk", "topk:example", "ye", "swat",
        "dithered", "dithered:2", "dithered:0.5", "hard", "hard:0.001", "random", "nm:1:2",
        "nm:2:4", "nm:7:32"}) {
    EXPECT_EQ(parse_prune_policy(name)->name(), name);
  }
}

TEST(PrunePolicies, AreReadStrictly) {
  for (const char* name : {"",
                           "stochastik",
                           "Topk",
                           "topk:",
                           "topk:row",
                           "topk:example:",
                           "ye:1",
                           "swat:weight",
                           "dithered:",
                           "dithered:-1",
                           "dithered:2x",
                           "dithered:nan",
                           "dithered:inf",
                           "dithered:1:2",
                           "hard:-1",
                           "hard:1e39",
                           "hard:",
                           "random:1",
                           "nm",
                           "nm:2",
                           "nm:2:2",
                           "nm:0:2",
                           "nm:1:33",
                           "nm:1:2:3",
                           "nm:+1:2",
                           "nm:1.0:2",
                           "stochastic:",
                           "stochastic:histogram",
                           "stochastic:histogram:3",
                           "stochastic:sample:0",
                           "stochastic:sample:1e3",
                           " topk"}) {
    EXPECT_THROW((void)parse_prune_policy(name), UserError) << name;
  }
}

TEST(AlphaRule, ReadsItsOwnNames) {
  for (const char* name : {"exact", "lognormal", "histogram:0", "histogram:2", "sample:1",
                           "sample:1073741824", "last-step"}) {
    EXPECT_EQ(alpha_rule_name(parse_alpha_rule(name)), name);
  }
  EXPECT_EQ(parse_alpha_rule("exact"), AlphaRule::exact);
  for (const char* name : {"median", "", "sample:1073741825", "histogram:-1", "histogram:00x"}) {
    EXPECT_THROW((void)parse_alpha_rule(name), UserError) << name;
  }
}

// Each bound is 4 standard errors: 6e-5 false alarms a comparison for a new seed, 20 comparisons.
TEST(StochasticPolicy, ReachesWhatItPredictsAndKeepsTheSum) {
  const std::uint64_t seed = test_seed(41);
  const std::vector<float> in = lognormal_tensor(seed, 200'000, -12.0, 1.5, 0.25);
  for (const double target : {0.3, 0.5, 0.8, 0.9, 0.98}) {
    for (const AlphaRule mode : {AlphaRule::exact, AlphaRule::lognormal}) {
      SCOPED_TRACE(testing::Message() << target << " " << alpha_rule_name(mode));
      const Pruned pruned = prune(in, {.target_sparsity = target, .alpha = mode, .seed = {seed}});
      const PruneResult& r = pruned.result;
      if (mode == AlphaRule::exact) {
        EXPECT_NEAR(r.predicted_sparsity, target, 1e-7);
      }
      double keep_variance = 0;   // of the number of zeros
      double value_variance = 0;  // of the sum of values: alpha^2 p (1 - p), p = |x| / alpha
      double difference = 0;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const double p = std::fabs(in[i]) / r.alpha;
        difference += static_cast<double>(pruned.values[i]) - in[i];
        if (p >= 1) continue;
        keep_variance += p * (1 - p);
        value_variance += p * (1 - p) * r.alpha * r.alpha;
      }
      EXPECT_NEAR(r.reached_sparsity, r.predicted_sparsity,
                  4 * std::sqrt(keep_variance) / static_cast<double>(in.size()));
      EXPECT_LT(std::fabs(difference), 4 * std::sqrt(value_variance));
    }
  }
}

TEST(StochasticPolicy, MeasuresWhatItWrote) {
  std::vector<float> in = lognormal_tensor(test_seed(42), 10'000, -100.0, 1.5, 0.25);
  in.insert(in.end(), {kInf, -kInf, kNan});
  const auto [r, out] = prune(in, {.target_sparsity = 0.9});
  long double xy = 0;
  long double xx = 0;
  long double yy = 0;
  long double ee = 0;
  for (std::size_t i = 0; i < in.size() - 3; ++i) {
    const long double x = in[i];
    const long double y = out[i];
    xy += x * y;
    xx += x * x;
    yy += y * y;
    ee += (x - y) * (x - y);
  }
  EXPECT_NEAR(r.cosine, static_cast<double>(xy / std::sqrt(xx * yy)), 1e-13);
  EXPECT_NEAR(r.mse / static_cast<double>(ee / 10'000), 1.0, 1e-13);
  EXPECT_EQ(r.numel, in.size());
  EXPECT_EQ(r.zeros_before, static_cast<std::uint64_t>(std::ranges::count(in, 0.0f)));
  EXPECT_EQ(r.zeros_after, static_cast<std::uint64_t>(std::ranges::count(out, 0.0f)));
  EXPECT_EQ(r.reached_sparsity,
            static_cast<double>(r.zeros_after) / static_cast<double>(in.size()));
  EXPECT_EQ(out[in.size() - 3], kInf);
  EXPECT_EQ(out[in.size() - 2], -kInf);
  EXPECT_TRUE(std::isnan(out[in.size() - 1]));
}

TEST(StochasticPolicy, LeavesATensorAloneWhoseZerosSuffice) {
  const std::vector<float> in = {0, 0, 0, 1, -2};
  const auto [r, out] = prune(in, {.target_sparsity = 0.6});
  EXPECT_EQ(out, in);
  EXPECT_EQ(r.alpha, 0.0f);
  EXPECT_EQ(r.predicted_sparsity, 0.6);
  EXPECT_EQ(r.reached_sparsity, 0.6);
  EXPECT_EQ(r.mse, 0.0);
  EXPECT_DOUBLE_EQ(r.cosine, 1.0);
}

TEST(StochasticPolicy, DependsOnTheSeedAlone) {
  const std::vector<float> in = lognormal_tensor(test_seed(43), 10'000, 0.0, 1.0);
  const PruneOptions options = {.target_sparsity = 0.8, .seed = {5}};
  PruneOptions other = options;
  other.seed = {6};
  EXPECT_EQ(prune(in, options).values, prune(in, options).values);
  EXPECT_NE(prune(in, options).values, prune(in, other).values);
}

TEST(StochasticPolicy, OfAnEmptyOrZeroTensorIsUndefinedWhereItMustBe) {
  const PruneResult empty = prune({}, {.target_sparsity = 0.5}).result;
  EXPECT_EQ(empty.alpha, 0.0f);
  for (const double field :
       {empty.predicted_sparsity, empty.reached_sparsity, empty.cosine, empty.mse}) {
    EXPECT_TRUE(std::isnan(field));
  }
  const PruneResult zeros = prune({0, -0.0f}, {.target_sparsity = 0.5}).result;
  EXPECT_EQ(zeros.reached_sparsity, 1.0);
  EXPECT_EQ(zeros.mse, 0.0);
  EXPECT_TRUE(std::isnan(zeros.cosine));
}

TEST(PruneTensor, RefusesAnOutputOfAnotherSize) {
  const std::vector<float> in = {1, 2, 3};
  std::vector<float> out(2);
  PruneInput input(in);
  EXPECT_THROW((void)prune_tensor(*parse_prune_policy("stochastic"), input, {}, out),
               std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
