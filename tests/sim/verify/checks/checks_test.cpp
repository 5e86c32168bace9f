#include "sim/verify/checks/checks.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/verify/banks/stages/stages.hpp"
#include "sim/verify/checks/scoreboard.hpp"
#include "tests/seed.hpp"

namespace gradpath::verify {
namespace {

Seed test_seed() {
  const Seed seed{gradpath::test_seed(1)};
  testing::Test::RecordProperty("seed", std::to_string(seed.value));
  return seed;
}

TEST(Scoreboard, FindsAWrongElementAWrongFlagAndAMissingBeat) {
  StageBank bank;
  const Stages::Row row = bank.rows().front();
  const std::vector<float> values(100, 1.5f);
  const StreamInput input{.name = "wrong on purpose", .values = values, .seed = test_seed()};
  const auto mismatches = [&](const StreamScript& script) {
    Result result;
    run_script(bank, 0, script, {.stalls = {64, 64}}, test_seed(), result);
    return result.mismatches;
  };
  const StreamScript good = make_script(row, input);
  EXPECT_EQ(mismatches(good), 0u);
  StreamScript element = good;
  element.expected[5].data[1] ^= 1;
  EXPECT_EQ(mismatches(element), 1u);
  StreamScript flag = good;
  flag.expected[5].last = true;
  EXPECT_EQ(mismatches(flag), 1u);
  StreamScript missing = good;
  missing.expected.push_back(missing.expected.back());
  missing.inputs.push_back(missing.inputs.back());
  missing.words.resize(missing.inputs.size() * row.lanes);
  missing.expected.erase(missing.expected.begin());  // the last is full, so the tail's mask moves
  EXPECT_GT(mismatches(missing), 0u);
}

TEST(Scoreboard, ARunWithoutAComparisonIsAFailure) {
  EXPECT_FALSE(all_equal({}));
  const std::vector<Result> none = {{.module = "lfsr"}};
  EXPECT_FALSE(all_equal(none));
}

TEST(Scoreboard, MergingAddsUpAndKeepsTheFirstMismatch) {
  Result a{.module = "m"};
  a.count(true, 0, [] { return std::string(); });
  Result b = a;
  b.count(false, 7, [] { return std::string("b"); });
  Result c = a;
  c.count(false, 9, [] { return std::string("c"); });
  const std::vector<std::vector<Result>> parts = {{a}, {b}, {c}};
  const auto merged = merge(parts);
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].vectors, 5u);
  EXPECT_EQ(merged[0].mismatches, 2u);
  EXPECT_EQ(merged[0].first_mismatch, "b");
}

TEST(Options, WhatWasNotBuiltIsAnErrorThatNamesWhatWas) {
  Options options;
  options.formats = {parse_format("e2m2b9f")};
  try {
    (void)make_checks(options);
    FAIL() << "accepted a format that no module has";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("e5m2"), std::string::npos) << error.what();
  }
  options = {};
  options.modules = {"divider"};
  EXPECT_THROW((void)make_checks(options), UserError);
}

}  // namespace
}  // namespace gradpath::verify
