#include "sim/explore/results_store.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <sqlite3.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr int kVersion = 3;
constexpr int kBusyMilliseconds = 10'000;

// The columns of the verb's CSV under the same names; `profile_id`, `tensor`, `identity` and
// `point` say what a row belongs to. NaN is NULL.
constexpr const char* kSchema = R"(
  CREATE TABLE sweep (
    profile_id TEXT NOT NULL, tensor TEXT NOT NULL, identity TEXT NOT NULL,
    point TEXT NOT NULL, trace TEXT NOT NULL,
    format TEXT NOT NULL, exponent_bits INTEGER NOT NULL, mantissa_bits INTEGER NOT NULL,
    bias INTEGER NOT NULL, rounding TEXT NOT NULL, overflow TEXT NOT NULL, scale TEXT NOT NULL,
    sparsity REAL NOT NULL, mean_relative_error REAL, mse REAL, cosine REAL, zero_fraction REAL,
    saturated_fraction REAL, excluded_fraction REAL, sqnr_db REAL, bias_error REAL,
    sr_variance REAL, mean_relative_error_bound REAL, mse_bound REAL, cosine_bound REAL,
    zero_fraction_bound REAL,
    scale_value REAL, method TEXT NOT NULL,
    numel INTEGER NOT NULL, zeros REAL NOT NULL, saturated REAL NOT NULL, excluded REAL NOT NULL,
    PRIMARY KEY (profile_id, tensor, identity, point)) WITHOUT ROWID;
  PRAGMA user_version = 3;)";

constexpr const char* kFind = R"(
  SELECT numel, zeros, saturated, excluded, mean_relative_error, mse, cosine, sqnr_db, bias_error,
         scale_value, method, sr_variance,
         mean_relative_error_bound, mse_bound, cosine_bound, zero_fraction_bound
  FROM sweep WHERE profile_id = ?1 AND tensor = ?2 AND identity = ?3 AND point = ?4)";

constexpr const char* kAdd = R"(
  INSERT OR REPLACE INTO sweep (profile_id, tensor, identity, point, trace, format,
    exponent_bits, mantissa_bits, bias, rounding, overflow, scale, sparsity, mean_relative_error,
    mse, cosine, zero_fraction, saturated_fraction, excluded_fraction, sqnr_db, bias_error,
    scale_value, method, numel, zeros, saturated, excluded, sr_variance,
    mean_relative_error_bound, mse_bound, cosine_bound, zero_fraction_bound)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
    ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32))";

// Of rows that one key of the three columns has, that of the smallest identity: a profile's answer
// has the empty one.
constexpr const char* kRead = R"(
  SELECT profile_id, trace, tensor, format, exponent_bits, mantissa_bits, point, numel, zeros,
         saturated, excluded, mean_relative_error, mse, cosine, sqnr_db, bias_error, sr_variance,
         min(identity)
  FROM sweep GROUP BY profile_id, tensor, point
  ORDER BY trace, tensor, profile_id, substr(point, instr(point, ' ')),
           exponent_bits + mantissa_bits, exponent_bits, format)";

void bind(sqlite3_stmt* statement, int place, std::string_view text) {
  // nullptr as destructor is SQLITE_STATIC: the text outlives the step.
  sqlite3_bind_text(statement, place, text.data(), static_cast<int>(text.size()), nullptr);
}
void bind(sqlite3_stmt* statement, int place, double value) {
  sqlite3_bind_double(statement, place, value);  // NaN becomes NULL
}
void bind(sqlite3_stmt* statement, int place, std::int64_t value) {
  sqlite3_bind_int64(statement, place, value);
}

double real_column(sqlite3_stmt* statement, int column) {
  return sqlite3_column_type(statement, column) == SQLITE_NULL
             ? std::numeric_limits<double>::quiet_NaN()
             : sqlite3_column_double(statement, column);
}

std::string_view text_column(sqlite3_stmt* statement, int column) {
  const auto* text = sqlite3_column_text(statement, column);
  // SQLite's bytes are unsigned characters.
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

std::vector<StoredResult> read_results(const std::string& path) {
  sqlite3* opened = nullptr;
  // Not read-only: what a killed sweep left half-written is rolled back first.
  const int status = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> database(opened);
  const auto fail = [&] {
    throw UserError(
        fmt::format("{}: cannot be read as a results store: {}; make one with "
                    "`gradpath sweep --db`",
                    path, sqlite3_errmsg(database.get())));
  };
  if (status != SQLITE_OK) fail();
  sqlite3_busy_timeout(opened, kBusyMilliseconds);
  const auto prepare = [&](const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database.get(), sql, -1, &statement, nullptr) != SQLITE_OK) fail();
    return std::unique_ptr<sqlite3_stmt, CloseStatement>(statement);
  };
  const auto version = prepare("PRAGMA user_version");
  if (sqlite3_step(version.get()) != SQLITE_ROW) fail();
  if (const int found = sqlite3_column_int(version.get(), 0); found != kVersion) {
    throw UserError(fmt::format(
        "{}: is an SQLite file but no results store of version {} (its version is {}); make one "
        "with `gradpath sweep --db`",
        path, kVersion, found));
  }
  const auto statement = prepare(kRead);
  sqlite3_stmt* row = statement.get();
  std::vector<StoredResult> results;
  int step = 0;
  while ((step = sqlite3_step(row)) == SQLITE_ROW) {
    StoredResult& result = results.emplace_back();
    result.profile_id = text_column(row, 0);
    result.trace = text_column(row, 1);
    result.tensor = text_column(row, 2);
    result.format = text_column(row, 3);
    result.exponent_bits = sqlite3_column_int(row, 4);
    result.mantissa_bits = sqlite3_column_int(row, 5);
    const std::string_view point = text_column(row, 6);
    result.setting = point.substr(std::min(point.size(), point.find(' ') + 1));
    CastMeasures& m = result.measures;
    m.numel = static_cast<std::uint64_t>(sqlite3_column_int64(row, 7));
    m.zeros = real_column(row, 8);
    m.saturated = real_column(row, 9);
    m.excluded = real_column(row, 10);
    m.mean_relative_error = real_column(row, 11);
    m.mse = real_column(row, 12);
    m.cosine = real_column(row, 13);
    m.sqnr_db = real_column(row, 14);
    m.bias = real_column(row, 15);
    m.variance = real_column(row, 16);
  }
  if (step != SQLITE_DONE) fail();
  return results;
}

void ResultsStore::Close::operator()(sqlite3* database) const { sqlite3_close(database); }
void ResultsStore::Close::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

ResultsStore::ResultsStore(const std::string& path) : path_(path) {
  sqlite3* database = nullptr;
  const int status =
      sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  database_.reset(database);
  if (status != SQLITE_OK) fail();
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  // One writer at a time may find the file new and make the table.
  run("BEGIN IMMEDIATE");
  int version = 0;
  int tables = 0;
  {
    const Statement statement = prepare(
        "SELECT (SELECT count(*) FROM sqlite_master), user_version FROM pragma_user_version");
    if (sqlite3_step(statement.get()) != SQLITE_ROW) fail();
    tables = sqlite3_column_int(statement.get(), 0);
    version = sqlite3_column_int(statement.get(), 1);
  }
  if (tables == 0 && version == 0) {
    run(kSchema);
  } else if (version != kVersion) {
    throw UserError(fmt::format(
        "{}: is an SQLite file but no results store of version {}; give another path to --db", path,
        kVersion));
  }
  run("COMMIT");
  find_ = prepare(kFind);
  add_ = prepare(kAdd);
}

ResultsStore::~ResultsStore() = default;  // what was not committed is rolled back

std::optional<SweepResult> ResultsStore::find(const StoreKey& key, const SweepPoint& point) {
  const std::string name = point.name();
  sqlite3_stmt* row = find_.get();
  sqlite3_reset(row);
  bind(row, 1, key.profile_id);
  bind(row, 2, key.tensor);
  bind(row, 3, key.identity);
  bind(row, 4, name);
  const int status = sqlite3_step(row);
  if (status == SQLITE_DONE) return std::nullopt;
  if (status != SQLITE_ROW) fail();
  SweepResult result;
  CastMeasures& m = result.measures;
  m.numel = static_cast<std::uint64_t>(sqlite3_column_int64(row, 0));
  m.zeros = real_column(row, 1);
  m.saturated = real_column(row, 2);
  m.excluded = real_column(row, 3);
  m.mean_relative_error = real_column(row, 4);
  m.mse = real_column(row, 5);
  m.cosine = real_column(row, 6);
  m.sqnr_db = real_column(row, 7);
  m.bias = real_column(row, 8);
  result.scale = static_cast<float>(real_column(row, 9));
  const auto method = text_column(row, 10);
  for (const auto known : {SweepMethod::kernel, SweepMethod::expected}) {
    if (method == method_name(known)) result.method = known;
  }
  m.variance = real_column(row, 11);
  result.bound.mean_relative_error = real_column(row, 12);
  result.bound.mse = real_column(row, 13);
  result.bound.cosine = real_column(row, 14);
  const double zeros = real_column(row, 15);
  result.bound.zeros = zeros == 0 ? 0.0 : zeros * static_cast<double>(m.numel);
  sqlite3_reset(row);
  return result;
}

void ResultsStore::add(const StoreKey& key, const std::string& trace, const SweepPoint& point,
                       const SweepResult& result) {
  if (!in_transaction_) run("BEGIN IMMEDIATE");
  in_transaction_ = true;
  const std::string name = point.name();
  const std::string rounding = rounding_name(point.rounding);
  const std::string scale = point.scale_name;
  const CastMeasures& m = result.measures;
  sqlite3_stmt* row = add_.get();
  sqlite3_reset(row);
  bind(row, 1, key.profile_id);
  bind(row, 2, key.tensor);
  bind(row, 3, key.identity);
  bind(row, 4, name);
  bind(row, 5, trace);
  bind(row, 6, point.format_name);
  bind(row, 7, std::int64_t{point.format.exponent_bits});
  bind(row, 8, std::int64_t{point.format.mantissa_bits});
  bind(row, 9, std::int64_t{point.format.bias});
  bind(row, 10, rounding);
  bind(row, 11, overflow_name(point.overflow));
  bind(row, 12, scale);
  bind(row, 13, point.sparsity);
  bind(row, 14, m.mean_relative_error);
  bind(row, 15, m.mse);
  bind(row, 16, m.cosine);
  bind(row, 17, m.zero_fraction());
  bind(row, 18, m.saturated_fraction());
  bind(row, 19, m.excluded_fraction());
  bind(row, 20, m.sqnr_db);
  bind(row, 21, m.bias);
  bind(row, 22, double{result.scale});
  bind(row, 23, method_name(result.method));
  bind(row, 24, static_cast<std::int64_t>(m.numel));
  bind(row, 25, m.zeros);
  bind(row, 26, m.saturated);
  bind(row, 27, m.excluded);
  bind(row, 28, m.variance);
  bind(row, 29, result.bound.mean_relative_error);
  bind(row, 30, result.bound.mse);
  bind(row, 31, result.bound.cosine);
  bind(row, 32, zero_fraction_bound(result));
  if (sqlite3_step(row) != SQLITE_DONE) fail();
  sqlite3_reset(row);
}

void ResultsStore::commit() {
  if (!in_transaction_) return;
  run("COMMIT");
  in_transaction_ = false;
}

void ResultsStore::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

ResultsStore::Statement ResultsStore::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) fail();
  return Statement(statement);
}

void ResultsStore::fail() const {
  throw UserError(
      fmt::format("{}: cannot be used as a results store: {}; give another path to --db", path_,
                  sqlite3_errmsg(database_.get())));
}

}  // namespace gradpath
