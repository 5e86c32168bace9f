#include "sim/cli/framework/table.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

namespace gradpath::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Table sample() {
  Table table({"trace", "count", "value"});
  table.add_row({std::string("a,b"), std::uint64_t{18446744073709551615u}, 0.1});
  table.add_row({std::string("say \"x\"\n"), std::int64_t{-1}, -kInfinity});
  return table;
}

TEST(Table, CsvQuotesAndKeepsEveryDigit) {
  EXPECT_EQ(sample().csv(),
            "trace,count,value\n\"a,b\",18446744073709551615,0.1\n\"say \"\"x\"\"\n\",-1,-inf\n");
}

TEST(Table, JsonIsAnArrayOfObjectsWithNullForWhatIsNotFinite) {
  EXPECT_EQ(sample().json(),
            "[\n  {\"trace\": \"a,b\", \"count\": 18446744073709551615, \"value\": 0.1},\n"
            "  {\"trace\": \"say \\\"x\\\"\\n\", \"count\": -1, \"value\": null}\n]\n");
  EXPECT_EQ(Table({"a"}).json(), "[]\n");
  EXPECT_EQ(Table({"a"}).csv(), "a\n");
}

TEST(Table, ReadableAlignsTextLeftAndNumbersRight) {
  Table table({"name", "n", "x"});
  table.add_row({std::string("long name"), std::int64_t{5}, 0.123456789});
  table.add_row({std::string("b"), std::int64_t{12345}, std::nan("")});
  EXPECT_EQ(table.readable(),
            "name           n         x\n"
            "long name      5  0.123457\n"
            "b          12345       nan\n");
}

TEST(Table, ReadableNeverBreaksALine) {
  Table table({"name"});
  table.add_row({std::string("a\nb\x1b[31m\xff")});
  EXPECT_EQ(table.readable(), "name\na\\x0ab\\x1b[31m\\xff\n");
}

// A spreadsheet runs `=cmd()`; ours are names, and numbers must stay numbers.
TEST(Table, CsvKeepsTextThatLooksLikeAFormulaText) {
  for (const char* formula :
       {"=cmd()", "+cmd", "-cmd", "@SUM(1)", "=", "-", "\tx", "--1", "-1x", "=1"}) {
    Table table({"a"});
    table.add_row({std::string(formula)});
    EXPECT_EQ(table.csv(), "a\n'" + std::string(formula) + "\n");
  }
  for (const char* text :
       {"-0x1.8p-3", "-inf", "+5", "-5e-324", "-nan", "a=b", "0x3c", "'=x", ""}) {
    Table table({"a"});
    table.add_row({std::string(text)});
    EXPECT_EQ(table.csv(), "a\n" + std::string(text) + "\n");
  }
  Table numbers({"a", "b"});
  numbers.add_row({-1.5, std::int64_t{-3}});
  EXPECT_EQ(numbers.csv(), "a,b\n-1.5,-3\n");
}

TEST(Table, RefusesARowOfAnotherLength) {
  Table table({"a", "b"});
  EXPECT_THROW(table.add_row({1.0}), std::logic_error);
}

TEST(NumberText, SpellsWhatIsNotFinite) {
  EXPECT_EQ(number_text(std::nan("")), "nan");
  EXPECT_EQ(number_text(-std::nan("")), "nan");
  EXPECT_EQ(number_text(kInfinity), "inf");
  EXPECT_EQ(number_text(-kInfinity), "-inf");
  EXPECT_EQ(number_text(-0.0), "-0");
  EXPECT_EQ(number_text(5), "5");
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
  const char* text = std::getenv("GRADPATH_TEST_SEED");
  const std::uint64_t seed = text == nullptr ? 20240607u : std::strtoull(text, nullptr, 10);
  SCOPED_TRACE("GRADPATH_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(number_text(value).c_str(), nullptr), value);
  }
}

}  // namespace
}  // namespace gradpath::cli
