#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gradpath::cli {

/// A value in a table. Integers and reals are numbers in JSON, text is a string.
using Cell = std::variant<std::string, std::int64_t, std::uint64_t, double>;

/// A result: named columns and rows. Printed for people, or written as CSV or JSON for programs.
class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  /// std::logic_error if the row has another number of cells than there are columns.
  void add_row(std::vector<Cell> cells);

  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  [[nodiscard]] const std::vector<std::vector<Cell>>& rows() const { return rows_; }

  /// Aligned columns, reals to 6 digits; a cell never breaks its line.
  [[nodiscard]] std::string readable() const;
  /// One header row; every number in the shortest form that reads back as itself, `nan`, `inf`,
  /// `-inf`; text quoted where RFC 4180 demands it, and with ' before it
  /// where a spreadsheet would take it for a formula.
  [[nodiscard]] std::string csv() const;
  /// An array of objects, one row a line; NaN and infinities are null.
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// The shortest text that reads back as `value`; `nan`, `inf`, `-inf`.
[[nodiscard]] std::string number_text(double value);

}  // namespace gradpath::cli
