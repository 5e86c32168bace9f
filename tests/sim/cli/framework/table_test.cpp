#include "sim/cli/framework/table.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "tests/seed.hpp"

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

Table wide(std::size_t rows) {
  Table table({"trace", "tensor", "first", "second", "third"});
  for (std::size_t i = 0; i < rows; ++i) {
    table.add_row({std::string("t.safetensors"), std::string(1, static_cast<char>('a' + i)), 0.25,
                   static_cast<double>(i), std::uint64_t{1000000 + i}});
  }
  return table;
}

TEST(Table, BeyondTheWidthSaysTheSameOnceAndNamesWhatIsLeftOut) {
  EXPECT_EQ(wide(2).readable({.columns = {}, .width = 40}),
            "trace t.safetensors,\n"
            "  first 0.25 in all rows:\n"
            "tensor  second    third\n"
            "a            0  1000000\n"
            "b            1  1000001\n");
  EXPECT_EQ(wide(2).readable({.columns = {"tensor", "second", "third"}, .width = 15}),
            "tensor  second\n"
            "a            0\n"
            "b            1\n"
            "Left out: third; --wide shows all, --columns LIST some\n");
  EXPECT_EQ(wide(2).readable({.columns = {}, .width = 200}), wide(2).readable());
}

TEST(Table, ASingleRowBeyondTheWidthIsShownOneValueALine) {
  EXPECT_EQ(wide(1).readable({.columns = {}, .width = 20}),
            "trace   t.safetensors\ntensor  a\nfirst   0.25\nsecond  0\nthird   1000000\n");
}

TEST(Table, ShowsTheColumnsAskedForInTheirOrder) {
  EXPECT_EQ(wide(2).readable({.columns = {"third", "tensor"}, .width = 40}),
            "  third  tensor\n1000000  a\n1000001  b\n");
  EXPECT_THROW(static_cast<void>(wide(2).readable({.columns = {"forth"}, .width = 0})), UserError);
}

TEST(Table, DetailsGiveWayBeforeTheRest) {
  struct Row {
    int n;
  };
  constexpr std::array<Column<Row>, 3> kColumns = {
      {with(Shown::detail, column<&Row::n>("detailed", "1", "")),
       with(Shown::no, column<&Row::n>("never", "1", "")), column<&Row::n>("result", "1", "")}};
  Table table = Table::of(std::span<const Column<Row>>(kColumns));
  EXPECT_EQ(table.columns(), (std::vector<std::string>{"detailed", "result"}));
  for (const std::int64_t n : {1, 2}) table.add_row({n, n});
  EXPECT_EQ(table.readable({.columns = {}, .width = 10}).substr(0, 21), "result\n     1\n     2\n");
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
  const std::uint64_t seed = test_seed(20240607u);
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
