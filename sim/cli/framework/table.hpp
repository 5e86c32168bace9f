#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/explore/column.hpp"

namespace gradpath::cli {

/// What of a table is printed for people.
struct TableView {
  std::vector<std::string> columns;  ///< by name; empty: all
  std::size_t width = 0;             ///< where there is no room for all of them; 0: no limit
};

/// A result: named columns and rows. Printed for people, or written as CSV or JSON for programs.
class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  /// Without rows, of all columns that are shown.
  template <class Row>
  [[nodiscard]] static Table of(std::span<const Column<Row>> columns) {
    Table table({});
    table.add_columns(columns);
    return table;
  }
  /// More columns; before the first row.
  template <class Row>
  void add_columns(std::span<const Column<Row>> columns) {
    for (const Column<Row>& column : columns) {
      if (column.shown == Shown::no) continue;
      columns_.emplace_back(column.name);
      if (column.shown == Shown::detail) details_.emplace(column.name);
    }
  }
  void add_column(std::string name) { columns_.push_back(std::move(name)); }

  /// std::logic_error if the row has another number of cells than there are columns.
  void add_row(std::vector<Cell> cells);

  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  [[nodiscard]] const std::vector<std::vector<Cell>>& rows() const { return rows_; }

  /// Aligned columns, reals to 6 digits; a cell never breaks its line. Beyond the width: what is
  /// the same in all rows goes below them, then details and the columns on the right are left out
  /// and named; a single row is shown one value a line. UserError for a column that is not there.
  [[nodiscard]] std::string readable(const TableView& view = {}) const;
  /// One header row; every number in the shortest form that reads back as itself, `nan`, `inf`,
  /// `-inf`; text quoted where RFC 4180 demands it, and with ' before it
  /// where a spreadsheet would take it for a formula.
  [[nodiscard]] std::string csv() const;
  /// An array of objects, one row a line; NaN and infinities are null.
  [[nodiscard]] std::string json() const;

 private:
  [[nodiscard]] std::string aligned(std::span<const std::size_t> shown,
                                    std::span<const std::size_t> widths) const;
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] bool is_same_in_all_rows(std::size_t column) const;

  std::vector<std::string> columns_;
  std::set<std::string, std::less<>> details_;
  std::vector<std::vector<Cell>> rows_;
};

/// The shortest text that reads back as `value`; `nan`, `inf`, `-inf`.
[[nodiscard]] std::string number_text(double value);

}  // namespace gradpath::cli
