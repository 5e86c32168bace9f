// The store: what is committed is found, by the same key and point alone.
#include "sim/explore/results_store.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

class Store : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  static std::vector<SweepPoint> points() {
    return sweep_points({"e5m2", "e4m3fn"}, {Rounding{}}, {Overflow::standard},
                        {"none", "mx", "mx:16"}, -1, {0.0, 0.5});
  }
  static SweepResult result(double seed) {
    SweepResult r;
    r.scale = 4.0f;
    r.method = SweepMethod::expected;
    r.measures = {.numel = 100,
                  .zeros = seed / 3,
                  .saturated = seed + 1,
                  .excluded = 2,
                  .mean_relative_error = seed / 7,
                  .mse = seed * 1e-30,
                  .cosine = std::numeric_limits<double>::quiet_NaN(),
                  .sqnr_db = std::numeric_limits<double>::infinity(),
                  .bias = -seed,
                  .variance = seed * 3};
    r.bound.mse = seed / 11;
    r.bound.zeros = 0;
    return r;
  }

  std::string path_ = testing::TempDir() + "gradpath_store_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
  StoreKey key_{"id", "tensor", ""};
};

TEST_F(Store, GivesBackEveryFigure) {
  const auto space = points();
  {
    ResultsStore store(path_);
    for (std::size_t i = 0; i < space.size(); ++i) {
      store.add(key_, "trace", space[i], result(static_cast<double>(i) + 1));
    }
    store.commit();
  }
  ResultsStore store(path_);
  for (std::size_t i = 0; i < space.size(); ++i) {
    const auto found = store.find(key_, space[i]);
    ASSERT_TRUE(found.has_value()) << space[i].name();
    const SweepResult expected = result(static_cast<double>(i) + 1);
    EXPECT_EQ(found->scale, expected.scale);
    EXPECT_EQ(found->method, expected.method);
    EXPECT_EQ(found->measures.numel, expected.measures.numel);
    EXPECT_EQ(found->measures.zeros, expected.measures.zeros);
    EXPECT_EQ(found->measures.mean_relative_error, expected.measures.mean_relative_error);
    EXPECT_EQ(found->measures.mse, expected.measures.mse);
    EXPECT_TRUE(std::isnan(found->measures.cosine));
    EXPECT_EQ(found->measures.sqnr_db, expected.measures.sqnr_db);
    EXPECT_EQ(found->measures.bias, expected.measures.bias);
    EXPECT_EQ(found->measures.variance, expected.measures.variance);
    EXPECT_EQ(found->bound.mse, expected.bound.mse);
    EXPECT_EQ(found->bound.zeros, 0);
  }
}

// A killed sweep: half of the points are there, the batch under way is not.
TEST_F(Store, WhatWasNotCommittedIsGoneAndTheRestStays) {
  const auto space = points();
  {
    ResultsStore store(path_);
    for (std::size_t i = 0; i < space.size(); ++i) {
      store.add(key_, "trace", space[i], result(1));
      if (i + 1 == space.size() / 2) store.commit();
    }
  }
  ResultsStore store(path_);
  for (std::size_t i = 0; i < space.size(); ++i) {
    EXPECT_EQ(store.find(key_, space[i]).has_value(), i < space.size() / 2) << i;
  }
}

TEST_F(Store, AnotherKeyOrPointIsNotFound) {
  const auto space = points();
  ResultsStore store(path_);
  store.add(key_, "trace", space[0], result(1));
  EXPECT_TRUE(store.find(key_, space[0]).has_value());
  for (std::size_t i = 1; i < space.size(); ++i) {
    EXPECT_FALSE(store.find(key_, space[i]).has_value()) << space[i].name();
  }
  EXPECT_FALSE(store.find({"other", "tensor", ""}, space[0]).has_value());
  EXPECT_FALSE(store.find({"id", "other", ""}, space[0]).has_value());
  EXPECT_FALSE(store.find({"id", "tensor", "order"}, space[0]).has_value());
}

TEST_F(Store, TheLatestAnswerReplaces) {
  const auto space = points();
  ResultsStore store(path_);
  store.add(key_, "trace", space[0], result(1));
  store.add(key_, "trace", space[0], result(2));
  EXPECT_EQ(store.find(key_, space[0])->measures.mse, 2e-30);
}

TEST_F(Store, OtherDatabasesAndVersionsAreRefusedAndLeftAlone) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "CREATE TABLE sweep (a); PRAGMA user_version = 1", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  EXPECT_THROW(ResultsStore{path_}, UserError);
  EXPECT_THROW(ResultsStore{path_}, UserError);  // no lock is left behind
  EXPECT_THROW(ResultsStore{"no/such/folder/s.db"}, UserError);
}

// What follows from other columns an older program's store need not have.
TEST_F(Store, AnOlderStoreGetsTheColumnsThatFollowFromOthers) {
  const auto space = points();
  {
    ResultsStore store(path_);
    for (const auto& point : space) store.add(key_, "trace", point, result(3));
    store.commit();
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  const auto run = [&](const char* sql) {
    return sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  };
  ASSERT_EQ(run("ALTER TABLE sweep DROP COLUMN saturated_fraction"), SQLITE_OK);
  { ResultsStore store(path_); }
  // 3 + 1 of 100 elements, in every row.
  EXPECT_EQ(run("UPDATE sweep SET mse = 1 / (saturated_fraction = 0.04)"), SQLITE_OK);
  for (const SweepRow& row : read_results(path_)) EXPECT_EQ(row.result.measures.mse, 1);
  // What was measured cannot be made up.
  ASSERT_EQ(run("ALTER TABLE sweep DROP COLUMN sqnr_db"), SQLITE_OK);
  sqlite3_close(database);
  EXPECT_THROW(ResultsStore{path_}, UserError);
}

TEST_F(Store, IsReadOneRowATensorFormatAndSetting) {
  const auto space = points();
  {
    ResultsStore store(path_);
    for (const auto& point : space) store.add(key_, "trace", point, result(1));
    store.add({"id", "tensor", "other seed"}, "trace", space[0], result(2));
    store.add({"id2", "tensor", ""}, "trace", space[0], result(3));
    store.commit();
  }
  const auto rows = read_results(path_);
  ASSERT_EQ(rows.size(), space.size() + 1);
  int firsts = 0;
  for (const SweepRow& row : rows) {
    EXPECT_EQ(row.trace, "trace");
    if (row.format != "e5m2" || row.setting() != "rne standard scale none sparsity 0") continue;
    ++firsts;
    const auto expected = result(row.profile_id == "id" ? 1 : 3).measures;
    EXPECT_EQ(row.result.measures.numel, expected.numel);
    EXPECT_EQ(row.result.measures.mse, expected.mse);
    EXPECT_EQ(row.result.measures.saturated, expected.saturated);
    EXPECT_EQ(row.result.measures.sqnr_db, expected.sqnr_db);
    EXPECT_TRUE(std::isnan(row.result.measures.cosine));
  }
  EXPECT_EQ(firsts, 2);
  EXPECT_THROW(static_cast<void>(read_results(path_ + ".none")), UserError);
}

}  // namespace
}  // namespace gradpath
