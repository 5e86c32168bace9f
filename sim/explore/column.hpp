#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace gradpath {

/// A value in a row of results.
using Cell = std::variant<std::string, std::int64_t, std::uint64_t, double>;

/// Whether tables show a column: a detail gives way where there is no room.
enum class Shown : std::uint8_t { yes, detail, no };

/// A column of results. Tables, CSV, JSON, the store and docs/columns.md are made from lists of
/// these: one more result is one more of them.
template <class Row>
struct Column {
  std::string name;
  std::string_view sql = {};   ///< its declaration in a store; empty where it is kept in none
  std::string_view unit = {};  ///< empty for text
  std::string meaning;         ///< for docs/columns.md, in Markdown
  std::function<Cell(const Row& row)> get;
  /// Puts what a store kept back into the row; none where it follows from other columns.
  std::function<void(Row& row, const Cell& kept)> set = {};
  Shown shown = Shown::yes;
};

template <class Row>
[[nodiscard]] Column<Row> with(Shown shown, Column<Row> column) {
  column.shown = shown;
  return column;
}

/// The column of one member: of a row, or through several members to one inside it.
template <class Row, class T>
Row row_of(T Row::*);
template <auto First, auto... Rest>
auto column(std::string_view name, std::string_view unit, std::string_view meaning,
            std::string_view sql = {}) -> Column<decltype(row_of(First))> {
  using Row = decltype(row_of(First));
  return {.name = std::string(name),
          .sql = sql,
          .unit = unit,
          .meaning = std::string(meaning),
          .get = [](const Row& row) -> Cell {
            using T = std::remove_cvref_t<decltype(((row.*First).*....*Rest))>;
            if constexpr (std::is_floating_point_v<T>) {
              return double{((row.*First).*....*Rest)};
            } else if constexpr (std::is_integral_v<T>) {
              using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
              return Wide{((row.*First).*....*Rest)};
            } else {
              return std::string(((row.*First).*....*Rest));
            }
          },
          .set =
              [](Row& row, const Cell& kept) {
                auto& member = ((row.*First).*....*Rest);
                using T = std::remove_reference_t<decltype(member)>;
                std::visit(
                    [&](const auto& value) {
                      if constexpr (std::is_arithmetic_v<T> &&
                                    std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>) {
                        member = static_cast<T>(value);
                      } else if constexpr (std::is_convertible_v<decltype(value), T>) {
                        member = value;
                      }
                    },
                    kept);
              }};
}

/// The lists one after the other, without what tables never show.
template <class Row>
[[nodiscard]] std::vector<Column<Row>> shown_columns(
    std::initializer_list<std::span<const Column<Row>>> lists) {
  std::vector<Column<Row>> columns;
  for (const auto& list : lists) {
    for (const Column<Row>& column : list) {
      if (column.shown != Shown::no) columns.push_back(column);
    }
  }
  return columns;
}

template <class Row>
[[nodiscard]] std::vector<Cell> cells(std::span<const Column<Row>> columns, const Row& row) {
  std::vector<Cell> cells;
  cells.reserve(columns.size());
  for (const Column<Row>& column : columns) cells.push_back(column.get(row));
  return cells;
}

}  // namespace gradpath
