#include "sim/cli/framework/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

std::string exact_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* real = std::get_if<double>(&cell)) return number_text(*real);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  return std::to_string(std::get<std::uint64_t>(cell));
}

std::string readable_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return one_line(*text);
  const auto* real = std::get_if<double>(&cell);
  return real == nullptr ? exact_text(cell) : fmt::format("{:.6g}", *real);
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

std::string Table::readable() const {
  std::vector<std::size_t> widths;
  for (const std::string& column : columns_) widths.push_back(column.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], readable_text(row[i]).size());
    }
  }
  const auto is_text = [&](std::size_t i) {
    return !rows_.empty() && std::holds_alternative<std::string>(rows_.front()[i]);
  };
  std::string out;
  const auto append = [&](std::size_t i, const std::string& text) {
    if (i > 0) out += "  ";
    out += is_text(i) ? fmt::format("{:<{}}", text, widths[i])
                      : fmt::format("{:>{}}", text, widths[i]);
  };
  const auto end_line = [&] {
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) append(i, columns_[i]);
  end_line();
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) append(i, readable_text(row[i]));
    end_line();
  }
  return out;
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
