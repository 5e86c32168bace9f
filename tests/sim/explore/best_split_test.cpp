// Rankings decided by hand.
#include "sim/explore/best_split.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

std::vector<SweepPoint> points(const std::vector<double>& sparsities = {0.0}) {
  return sweep_points({"e5m2", "e4m3", "e3m4"}, {Rounding{}}, {Overflow::saturate}, {"none"}, -1,
                      sparsities);
}

std::vector<SweepResult> with_mse(const std::vector<double>& values) {
  std::vector<SweepResult> results(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) results[i].measures.mse = values[i];
  return results;
}

TEST(BestSplit, RanksByTheMeasureWithTheMarginToTheSecond) {
  const auto space = points();
  const auto best = best_splits(space, with_mse({3, 1, 1.5}), find_measure("mse"));
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0].best->format_name, "e4m3");
  EXPECT_EQ(best[0].second->format_name, "e3m4");
  EXPECT_EQ(best[0].value, 1);
  EXPECT_EQ(best[0].second_value, 1.5);
  EXPECT_DOUBLE_EQ(best[0].margin, 0.5);
}

TEST(BestSplit, CosineRanksFromOneAndDecibelsByDifference) {
  const auto space = points();
  std::vector<SweepResult> results(3);
  results[0].measures.cosine = 0.5;
  results[1].measures.cosine = 0.75;
  results[2].measures.cosine = 0.875;
  const auto cosine = best_splits(space, results, find_measure("cosine"));
  EXPECT_EQ(cosine[0].best->format_name, "e3m4");
  EXPECT_DOUBLE_EQ(cosine[0].margin, 1.0);  // 0.25 / 0.125 - 1
  results[0].measures.sqnr_db = 30;
  results[1].measures.sqnr_db = 24;
  results[2].measures.sqnr_db = 20;
  const auto sqnr = best_splits(space, results, find_measure("sqnr_db"));
  EXPECT_EQ(sqnr[0].best->format_name, "e5m2");
  EXPECT_DOUBLE_EQ(sqnr[0].margin, 6.0);
}

TEST(BestSplit, NanRanksLastAndTheFirstOfEqualsWins) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto space = points();
  EXPECT_EQ(best_splits(space, with_mse({nan, 5, 5}), find_measure("mse"))[0].best->format_name,
            "e4m3");
  const auto none = best_splits(space, with_mse({nan, nan, nan}), find_measure("mse"));
  EXPECT_EQ(none[0].best->format_name, "e5m2");
}

TEST(BestSplit, OneRankingACombinationOfTheRest) {
  const auto space = points({0.0, 0.5});
  const auto best = best_splits(space, with_mse({1, 2, 3, 9, 8, 7}), find_measure("mse"));
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0].best->format_name, "e5m2");
  EXPECT_EQ(best[1].best->format_name, "e3m4");
  EXPECT_EQ(best[1].best->sparsity, 0.5);
}

TEST(BestSplit, WithoutASecondThereIsNoMargin) {
  const auto space = sweep_points({"e5m2"}, {Rounding{}}, {Overflow::standard}, {"2"}, -1, {0.0});
  const auto best = best_splits(space, with_mse({1}), find_measure("mse"));
  EXPECT_EQ(best[0].second, nullptr);
  EXPECT_TRUE(std::isnan(best[0].margin));
}

TEST(BestSplit, UnknownMeasuresAreRefused) {
  EXPECT_THROW(static_cast<void>(find_measure("luck")), UserError);
}

}  // namespace
}  // namespace gradpath
