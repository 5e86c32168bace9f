// Summaries decided by hand.
#include "sim/explore/results_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gradpath {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

SweepRow row(const std::string& tensor, const std::string& format, double mse,
             const std::string& setting = "rne") {
  SweepRow result;
  result.profile_id = "of " + tensor;
  result.trace = "t";
  result.tensor = tensor;
  result.format = format;
  result.exponent_bits = format[1] - '0';
  result.mantissa_bits = format[3] - '0';
  result.point = format + " " + setting;
  result.result.measures.numel = 4;
  result.result.measures.zeros = 1;
  result.result.measures.mse = mse;
  result.result.measures.mean_relative_error = result.result.measures.cosine =
      result.result.measures.sqnr_db = kNan;
  return result;
}

TEST(Median, OfOddEvenUndefinedAndInfiniteValues) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({kNan, 7, kNan}), 7);
  EXPECT_EQ(median({kInf, 1, kInf, kInf}), kInf);
  EXPECT_TRUE(std::isnan(median({kNan})) && std::isnan(median({})));
}

TEST(Summarise, CountsTheBestOfEachWidthWithTheMarginToTheSecond) {
  const std::vector<SweepRow> rows = {
      row("a", "e4m3fn", 2),    row("a", "e5m2", 3),    row("a", "e2m1fn", 9),  // 8, 8 and 4 bits
      row("b", "e4m3fn", 5),    row("b", "e5m2", 1),    row("b", "e2m1fn", 8),
      row("c", "e4m3fn", 2),    row("c", "e5m2", kNan), row("c", "e2m1fn", kNan),
      row("a", "e5m2", 6, "sr")};
  const auto summaries = summarise(rows);
  ASSERT_EQ(summaries.size(), 2u);
  const SettingSummary& rne = summaries[0];
  EXPECT_EQ(rne.setting, "rne");
  ASSERT_EQ(rne.formats.size(), 3u);
  EXPECT_EQ(rne.formats[0].format, "e2m1fn");
  EXPECT_EQ(rne.formats[0].bits, 4);
  EXPECT_EQ(rne.formats[0].tensors, 3u);
  constexpr std::size_t kMse = 1;
  ASSERT_EQ(all_measures()[kMse].name, "mse");
  EXPECT_EQ(rne.formats[0].medians[kMse], 8.5);
  EXPECT_EQ(rne.formats[0].zero_fraction, 0.25);
  EXPECT_EQ(rne.formats[1].format, "e4m3fn");
  EXPECT_EQ(rne.formats[1].medians[kMse], 2);
  const auto ranking = std::ranges::find_if(
      rne.rankings, [](const Ranking& r) { return r.bits == 8 && r.measure->name == "mse"; });
  ASSERT_NE(ranking, rne.rankings.end());
  const std::vector<std::pair<std::string, std::size_t>> wins = {{"e4m3fn", 2}, {"e5m2", 1}};
  EXPECT_EQ(ranking->wins, wins);
  EXPECT_EQ(ranking->median_margin, 2.25);  // of 3/2 - 1 and 5/1 - 1; c has no second
  ASSERT_EQ(rne.best.size(), 6u);
  EXPECT_EQ(rne.best[5].tensor, "c");
  EXPECT_EQ(rne.best[5].choices[kMse].format, "e4m3fn");
  EXPECT_TRUE(std::isnan(rne.best[5].choices[kMse].margin));
  EXPECT_EQ(rne.best[4].choices[kMse].format, "");  // c with 4 bits
  EXPECT_EQ(summaries[1].formats[0].tensors, 1u);
}

TEST(Summarise, OfNothingIsNothing) { EXPECT_TRUE(summarise({}).empty()); }

}  // namespace
}  // namespace gradpath
