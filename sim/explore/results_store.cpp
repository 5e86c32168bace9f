#include "sim/explore/results_store.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr int kVersion = 3;
constexpr int kBusyMilliseconds = 10'000;
constexpr std::string_view kKey = "profile_id, tensor, identity, point";

using Columns = std::vector<Column<SweepRow>>;

Columns stored_columns() {
  Columns columns;
  std::ranges::copy_if(sweep_columns(), std::back_inserter(columns),
                       [](const auto& column) { return !column.sql.empty(); });
  return columns;
}

// Those that a row is read from; the others follow.
Columns kept_columns() {
  Columns columns = stored_columns();
  std::erase_if(columns, [](const auto& column) { return column.set == nullptr; });
  return columns;
}

// `name, name, ...` of a projection of the columns.
template <class Text>
std::string listed(const Columns& columns, Text text) {
  std::vector<std::string> texts;
  for (const auto& column : columns) texts.push_back(text(column));
  return fmt::format("{}", fmt::join(texts, ", "));
}
std::string names_of(const Columns& columns) {
  return listed(columns, [](const auto& column) { return std::string(column.name); });
}
std::string declared(const Column<SweepRow>& column) {
  return fmt::format("{} {}", column.name, column.sql);
}

void bind_cell(SQLite::Statement& statement, int place, const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) {
    statement.bind(place, *text);
  } else if (const auto* real = std::get_if<double>(&cell)) {
    statement.bind(place, *real);  // NaN becomes NULL
  } else if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    statement.bind(place, *integer);
  } else {
    statement.bind(place, static_cast<std::int64_t>(std::get<std::uint64_t>(cell)));
  }
}

// The columns of `columns` from the statement's row, in their order.
SweepRow read_row(SQLite::Statement& statement, const Columns& columns) {
  SweepRow row;
  for (int i = 0; const auto& column : columns) {
    const SQLite::Column value = statement.getColumn(i++);
    if (column.sql.starts_with("TEXT")) {
      column.set(row, value.getString());
    } else if (column.sql.starts_with("INTEGER")) {
      column.set(row, value.getInt64());
    } else {
      column.set(row,
                 value.isNull() ? std::numeric_limits<double>::quiet_NaN() : value.getDouble());
    }
  }
  return row;
}

// SQLite would wait for what a pipe never says.
void require_file(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  throw UserError(
      fmt::format("{}: {}; a results store is a regular file", path,
                  S_ISDIR(status.st_mode) ? "is a directory" : "is a pipe or a device"));
}

// SQLite's complaints as ours.
template <class Work>
auto on_store(const std::string& path, Work work) {
  try {
    return work();
  } catch (const SQLite::Exception& error) {
    throw UserError(
        fmt::format("{}: cannot be used as a results store: {}{}", path, error.what(),
                    error.getErrorCode() == SQLITE_FULL ? "; make room, or choose another" : ""));
  }
}

int version_of(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt();
}

[[noreturn]] void fail_version(const std::string& path) {
  throw UserError(
      fmt::format("{}: is an SQLite file but no results store of version {}", path, kVersion));
}

std::string insertion() {
  const Columns columns = stored_columns();
  return fmt::format("INSERT OR REPLACE INTO sweep ({}) VALUES ({})", names_of(columns),
                     listed(columns, [](const auto&) { return std::string("?"); }));
}

void insert(SQLite::Statement& statement, const Columns& columns, const SweepRow& row) {
  statement.reset();
  for (int place = 1; const auto& column : columns) bind_cell(statement, place++, column.get(row));
  statement.exec();
}

// Of an older program's store: columns that follow from others are computed for every row.
void add_missing_columns(SQLite::Database& database, const std::string& path) {
  Columns missing = stored_columns();
  SQLite::Statement present(database, "SELECT name FROM pragma_table_info('sweep')");
  while (present.executeStep()) {
    const std::string name = present.getColumn(0).getString();
    std::erase_if(missing, [&](const auto& column) { return column.name == name; });
  }
  if (missing.empty()) return;
  for (const auto& column : missing) {
    if (column.set != nullptr) fail_version(path);
    database.exec(fmt::format("ALTER TABLE sweep ADD COLUMN {}", declared(column)));
  }
  const Columns kept = kept_columns();
  std::vector<SweepRow> rows;
  SQLite::Statement all(database, fmt::format("SELECT {} FROM sweep", names_of(kept)));
  while (all.executeStep()) rows.push_back(read_row(all, kept));
  SQLite::Statement replace(database, insertion());
  for (const SweepRow& row : rows) insert(replace, stored_columns(), row);
}

}  // namespace

std::vector<SweepRow> read_results(const std::string& path) {
  require_file(path);
  return on_store(path, [&] {
    // Not read-only: what a killed sweep left half-written is rolled back first.
    SQLite::Database database(path, SQLite::OPEN_READWRITE, kBusyMilliseconds);
    if (version_of(database) != kVersion) fail_version(path);
    const Columns columns = kept_columns();
    // Of rows that one key of three columns has, that of the smallest identity: a profile's answer
    // has the empty one.
    SQLite::Statement statement(
        database,
        fmt::format("SELECT {}, min(identity) FROM sweep GROUP BY profile_id, tensor, point "
                    "ORDER BY trace, tensor, profile_id, substr(point, instr(point, ' ')), "
                    "exponent_bits + mantissa_bits, exponent_bits, format",
                    names_of(columns)));
    std::vector<SweepRow> rows;
    while (statement.executeStep()) rows.push_back(read_row(statement, columns));
    return rows;
  });
}

struct ResultsStore::Database {
  explicit Database(const std::string& file)
      : path((require_file(file), file)),
        database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyMilliseconds) {
    // One writer at a time may find the file new and make the table.
    database.exec("BEGIN IMMEDIATE");
    const bool is_new = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
    if (is_new && version_of(database) == 0) {
      database.exec(
          fmt::format("CREATE TABLE sweep ({}, PRIMARY KEY ({})) WITHOUT ROWID; "
                      "PRAGMA user_version = {}",
                      listed(stored_columns(), declared), kKey, kVersion));
    } else if (version_of(database) != kVersion) {
      fail_version(path);
    } else {
      add_missing_columns(database, path);
    }
    database.exec("COMMIT");
    find.emplace(database, fmt::format("SELECT {} FROM sweep WHERE ({}) = (?1, ?2, ?3, ?4)",
                                       names_of(kept), kKey));
    add.emplace(database, insertion());
  }

  std::string path;
  std::mutex mutex;
  SQLite::Database database;
  const Columns kept = kept_columns();
  const Columns stored = stored_columns();
  std::optional<SQLite::Statement> find;
  std::optional<SQLite::Statement> add;
  bool in_transaction = false;
  std::chrono::steady_clock::time_point committed = std::chrono::steady_clock::now();
};

ResultsStore::ResultsStore(const std::string& path)
    : database_(on_store(path, [&] { return std::make_unique<Database>(path); })) {}

ResultsStore::~ResultsStore() = default;  // what was not committed is rolled back

std::optional<SweepResult> ResultsStore::find(const StoreKey& key, const SweepPoint& point) {
  const std::scoped_lock lock(database_->mutex);
  return on_store(database_->path, [&]() -> std::optional<SweepResult> {
    SQLite::Statement& statement = *database_->find;
    statement.reset();
    for (int place = 1;
         const auto& text : {key.profile_id, key.tensor, key.identity, point.name()}) {
      statement.bind(place++, text);
    }
    if (!statement.executeStep()) return std::nullopt;
    SweepResult result = read_row(statement, database_->kept).result;
    statement.reset();  // or the read lock would stay
    return result;
  });
}

void ResultsStore::add(const StoreKey& key, const std::string& trace, const SweepPoint& point,
                       const SweepResult& result) {
  SweepRow row = sweep_row(trace, key.tensor, point, result);
  row.profile_id = key.profile_id;
  row.identity = key.identity;
  row.point = point.name();
  const std::scoped_lock lock(database_->mutex);
  on_store(database_->path, [&] {
    if (!database_->in_transaction) database_->database.exec("BEGIN IMMEDIATE");
    database_->in_transaction = true;
    insert(*database_->add, database_->stored, row);
  });
}

void ResultsStore::commit() {
  const std::scoped_lock lock(database_->mutex);
  if (!database_->in_transaction) return;
  database_->in_transaction = false;
  // A full disk ends a transaction by itself, and add() has said so.
  if (sqlite3_get_autocommit(database_->database.getHandle()) == 0) {
    on_store(database_->path, [&] { database_->database.exec("COMMIT"); });
  }
  database_->committed = std::chrono::steady_clock::now();
}

void ResultsStore::commit_if_due() {
  {
    const std::scoped_lock lock(database_->mutex);
    if (std::chrono::steady_clock::now() - database_->committed < std::chrono::seconds(1)) return;
  }
  commit();
}

}  // namespace gradpath
