// Code books: the nearest entry, exactly, and the text they are read from.
#include "models/schemes/code_book.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath::schemes {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// By looking at every entry. Exact where x and entries are multiples of 2^-20 below 2^20.
std::int32_t place_by_search(const std::vector<float>& entries, double x) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const double before = std::abs(double{entries[best]} - x);
    const double now = std::abs(double{entries[i]} - x);
    if (now < before || (now == before && i % 2 == 0)) best = i;
  }
  return static_cast<std::int32_t>(best);
}

TEST(NearestEntry, EqualsASearchThroughAllEntriesAndTiesGoToEvenPlaces) {
  std::mt19937_64 random(test_seed(7));
  std::uniform_int_distribution<int> eighths(-400, 400);
  for (const std::size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 16u, 100u}) {
    std::vector<float> entries;
    while (entries.size() < size) {
      entries.push_back(static_cast<float>(eighths(random)) / 8.0f);
      std::ranges::sort(entries);
      entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    }
    const NearestEntry nearest(entries);
    int ties = 0;
    for (int sixteenths = -1000; sixteenths <= 1000; ++sixteenths) {
      const float x = static_cast<float>(sixteenths) / 16.0f;
      ASSERT_EQ(nearest.place(x), place_by_search(entries, double{x})) << x << " of " << size;
      for (std::size_t i = 0; i + 1 < size; ++i) ties += entries[i] + entries[i + 1] == 2 * x;
    }
    EXPECT_GE(ties, static_cast<int>(size) - 1);  // every middle was among the inputs
    EXPECT_EQ(nearest.place(-kInfinity), 0);
    EXPECT_EQ(nearest.place(kInfinity), static_cast<std::int32_t>(size) - 1);
  }
}

TEST(NearestEntry, DecidesExactlyWhereTheMiddleIsNoDouble) {
  // The middle of 1 and 2^-149 + 0 lies 2^-150 above 1/2; that of 2^-149 and 0 is no fp32.
  const float tiny = std::numeric_limits<float>::denorm_min();
  const NearestEntry above(std::vector<float>{-1.0f, tiny, 1.0f});
  EXPECT_EQ(above.place(0.5f), 1);  // a tie if the middle were 1/2: place 2
  EXPECT_EQ(above.place(std::nextafter(0.5f, 1.0f)), 2);
  EXPECT_EQ(above.place(-0.5f), 0);
  EXPECT_EQ(above.place(std::nextafter(-0.5f, 0.0f)), 1);
  const NearestEntry zero(std::vector<float>{0.0f, tiny});
  EXPECT_EQ(zero.place(0.0f), 0);
  EXPECT_EQ(zero.place(tiny), 1);
  const float most = std::numeric_limits<float>::max();
  const NearestEntry wide(std::vector<float>{-most, most});
  EXPECT_EQ(wide.place(0.0f), 0);
  EXPECT_EQ(wide.place(tiny), 1);
  EXPECT_EQ(wide.place(-0.0f), 0);
}

TEST(CodeBookText, IsNumbersInAnyOrderWithCommentsAsFp32) {
  const std::vector<float> book = parse_code_book("# all\n3, -1.5 +2e1\t0.1\r\n\n-0 # 7\n", "b");
  EXPECT_EQ(book, (std::vector<float>{-1.5f, 0.0f, 0.1f, 3.0f, 20.0f}));
  EXPECT_FALSE(std::signbit(book[1]));
}

TEST(CodeBookText, BadTextIsAnErrorThatNamesFileLineAndWord) {
  const auto message = [](std::string_view text) -> std::string {
    try {
      (void)parse_code_book(text, "book.txt");
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(message("1\n2\nthree\n").find("book.txt: line 3: 'three'"), std::string::npos);
  EXPECT_NE(message("1 2x").find("line 1: '2x'"), std::string::npos);
  for (const char* word :
       {"nan", "inf", "-inf", "1e39", "0x10", "1..2", "--1", "+-1", "+", "1;2"}) {
    EXPECT_NE(message(std::string("0 1\n") + word).find("line 2"), std::string::npos) << word;
  }
  EXPECT_NE(message("").find("0 numbers"), std::string::npos);
  EXPECT_NE(message("# 1 2 3\n").find("0 numbers"), std::string::npos);
  EXPECT_NE(message("5").find("1 number found"), std::string::npos);
  EXPECT_NE(message("1 2 1.0").find("1 is there twice"), std::string::npos);
  EXPECT_NE(message("0 -0").find("0 is there twice"), std::string::npos);
  EXPECT_NE(message("0.1 0.10000000001").find("twice (as fp32)"), std::string::npos);
  std::string many;
  for (int i = 0; i <= 65536; ++i) many += std::to_string(i) + "\n";
  EXPECT_NE(message(many).find("line 65537: too many"), std::string::npos);
  EXPECT_EQ(parse_code_book(std::string_view(many).substr(0, many.size() - 6), "b").size(), 65536u);
}

}  // namespace
}  // namespace gradpath::schemes
