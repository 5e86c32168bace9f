#include "sim/cli/framework/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

constexpr std::size_t kGap = 2;

std::string exact_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* real = std::get_if<double>(&cell)) return number_text(*real);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  return std::to_string(std::get<std::uint64_t>(cell));
}

std::string readable_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return one_line(*text);
  const auto* real = std::get_if<double>(&cell);
  // exact_text spells a NaN without its sign.
  return real == nullptr || std::isnan(*real) ? exact_text(cell) : fmt::format("{:.6g}", *real);
}

// True of text that a spreadsheet would run as a formula. A number, however written (`-0x1p-3`,
// `-inf`), is none.
bool is_formula(const std::string& text) {
  if (text.empty() || std::string_view("=+-@\t\r").find(text.front()) == std::string_view::npos) {
    return false;
  }
  char* end = nullptr;
  static_cast<void>(std::strtod(text.c_str(), &end));
  return end != text.c_str() + text.size();
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + '"';
}

// File names need not be UTF-8; JSON must be.
std::string json_string(const std::string& text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_value(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return json_string(*text);
  const auto* real = std::get_if<double>(&cell);
  return real != nullptr && !std::isfinite(*real) ? "null" : exact_text(cell);
}

// A comma-separated list between two texts, in lines of a width.
std::string wrapped(std::string_view caption, const std::vector<std::string>& items,
                    std::string_view end, std::size_t width) {
  std::string out(caption);
  std::size_t at = out.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = items[i] + (i + 1 < items.size() ? "," : std::string(end) + "\n");
    if (i > 0 && at + 1 + item.size() > width) {
      out += "\n  ";
      at = 2;
    } else if (i > 0) {
      out += ' ';
      ++at;
    }
    out += item;
    at += item.size();
  }
  return out;
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

void Table::add_row(std::vector<Cell> cells) {
  if (cells.size() != columns_.size()) throw std::logic_error("a row must fill every column");
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const std::string& column : columns_) widths.push_back(column.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], readable_text(row[i]).size());
    }
  }
  return widths;
}

bool Table::is_same_in_all_rows(std::size_t column) const {
  const std::string first = exact_text(rows_.front()[column]);
  return std::ranges::all_of(rows_,
                             [&](const auto& row) { return exact_text(row[column]) == first; });
}

std::string Table::aligned(std::span<const std::size_t> shown,
                           std::span<const std::size_t> widths) const {
  std::string out;
  const auto append_line = [&](auto text_of) {
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const bool is_text =
          !rows_.empty() && std::holds_alternative<std::string>(rows_.front()[shown[i]]);
      if (i > 0) out.append(kGap, ' ');
      out += is_text ? fmt::format("{:<{}}", text_of(shown[i]), widths[shown[i]])
                     : fmt::format("{:>{}}", text_of(shown[i]), widths[shown[i]]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  append_line([&](std::size_t column) { return columns_[column]; });
  for (const auto& row : rows_) {
    append_line([&](std::size_t column) { return readable_text(row[column]); });
  }
  return out;
}

std::string Table::readable(const TableView& view) const {
  std::vector<std::size_t> shown;
  for (const std::string& name : view.columns) {
    const auto found = std::ranges::find(columns_, name);
    if (found == columns_.end()) {
      throw UserError(fmt::format(
          "--columns: there is no column '{}'; the nearest is '{}' of {}", name,
          nearest(name, std::vector<std::string_view>(columns_.begin(), columns_.end())),
          fmt::join(columns_, ", ")));
    }
    shown.push_back(static_cast<std::size_t>(found - columns_.begin()));
  }
  if (shown.empty()) {
    for (std::size_t i = 0; i < columns_.size(); ++i) shown.push_back(i);
  }
  const std::vector<std::size_t> widths = this->widths();
  const auto fits = [&] {
    std::size_t width = 0;
    for (const std::size_t column : shown) width += widths[column] + (width > 0 ? kGap : 0);
    return view.width == 0 || width <= view.width;
  };
  if (fits()) return aligned(shown, widths);
  if (rows_.size() == 1) {
    std::size_t widest = 0;
    for (const std::size_t column : shown) widest = std::max(widest, columns_[column].size());
    std::string out;
    for (const std::size_t column : shown) {
      out += fmt::format("{:<{}}{}\n", columns_[column], widest + kGap,
                         readable_text(rows_.front()[column]));
    }
    return out;
  }
  std::vector<std::string> same;
  std::erase_if(shown, [&](std::size_t column) {
    if (rows_.empty() || !is_same_in_all_rows(column)) return false;
    same.push_back(fmt::format("{} {}", columns_[column], readable_text(rows_.front()[column])));
    return true;
  });
  const auto find_last = [&] {
    const auto detail = std::ranges::find_if(
        shown, [&](std::size_t column) { return details_.contains(columns_[column]); });
    return detail == shown.end() ? std::prev(shown.end()) : detail;
  };
  std::set<std::size_t> hidden;
  while (shown.size() > 1 && !fits()) {
    hidden.insert(*find_last());
    shown.erase(find_last());
  }
  std::string out = same.empty() ? "" : wrapped("", same, " in all rows:", view.width);
  out += aligned(shown, widths);
  if (hidden.empty()) return out;
  std::vector<std::string> names;
  for (const std::size_t column : hidden) names.push_back(columns_[column]);
  return out + wrapped("Left out: ", names, "; --wide shows all, --columns LIST some", view.width);
}

std::string Table::csv() const {
  std::string out;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += ',';
    out += csv_field(columns_[i]);
  }
  out += '\n';
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      const bool is_text = std::holds_alternative<std::string>(row[i]);
      const std::string text = exact_text(row[i]);
      out += csv_field(is_text && is_formula(text) ? '\'' + text : text);
    }
    out += '\n';
  }
  return out;
}

std::string Table::json() const {
  std::vector<std::string> keys;
  for (const std::string& column : columns_) keys.push_back(json_string(column));
  std::string out = "[";
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    out += r == 0 ? "\n  {" : ",\n  {";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i > 0) out += ", ";
      out += keys[i] + ": " + json_value(rows_[r][i]);
    }
    out += '}';
  }
  return out + (rows_.empty() ? "]\n" : "\n]\n");
}

}  // namespace gradpath::cli
