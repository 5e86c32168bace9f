#include "sim/explore/cost_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "traces/mapped_file.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

// The columns of one row by their names.
class Cells {
 public:
  Cells(std::string where, const std::map<std::string_view, std::size_t>& columns,
        std::vector<std::string_view> cells)
      : where_(std::move(where)), columns_(columns), cells_(std::move(cells)) {}

  [[nodiscard]] std::string_view text(std::string_view column) const {
    const auto found = columns_.find(column);
    return found == columns_.end() ? std::string_view{} : cells_[found->second];
  }

  [[nodiscard]] double cost(std::string_view column) const {
    const std::string value(text(column));
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (!value.empty() && *end == '\0' && std::isfinite(number) && number >= 0) return number;
    throw UserError(fmt::format("{}: column {} is {}; expected a number of 0 or more", where_,
                                column, quote(value)));
  }

  // What `parse` makes of a cell; nothing of an empty one.
  template <class Parse>
  [[nodiscard]] auto parsed(std::string_view column, Parse parse) const
      -> std::optional<decltype(parse(std::string{}))> {
    const std::string value(text(column));
    if (value.empty()) return std::nullopt;
    try {
      return parse(value);
    } catch (const UserError& error) {
      throw UserError(fmt::format("{}: column {}: {}", where_, column, error.what()));
    }
  }

 private:
  std::string where_;
  const std::map<std::string_view, std::size_t>& columns_;
  std::vector<std::string_view> cells_;
};

}  // namespace

CostTable CostTable::parse(std::string_view path, std::string_view text,
                           std::vector<std::string> blocks) {
  CostTable table;
  std::map<std::string_view, std::size_t> columns;
  std::set<std::string> known_blocks;
  std::size_t width = 0;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto cells = cells_of(line);
    if (columns.empty()) {
      width = cells.size();
      for (std::size_t i = 0; i < width; ++i) columns.emplace(cells[i], i);
      for (const std::string_view name : {"format", "area_ge", "delay_fo4", "power_proxy"}) {
        if (columns.contains(name)) continue;
        throw UserError(fmt::format(
            "{}: no column '{}'; expected a table as scripts/synth writes it, with the columns "
            "format, area_ge, delay_fo4, power_proxy",
            path, name));
      }
      continue;
    }
    const std::string where = fmt::format("{}:{}", path, number);
    if (cells.size() != width) {
      throw UserError(
          fmt::format("{}: {} columns; the first line has {}", where, cells.size(), width));
    }
    const Cells row(where, columns, cells);
    table.rows_.push_back(
        {.block = std::string(row.text("block")),
         .format = row.parsed("format", [](const std::string& s) { return parse_format(s); }),
         .rounding = row.parsed("rounding", [](const std::string& s) { return parse_rounding(s); }),
         .overflow = row.parsed("overflow", [](const std::string& s) { return parse_overflow(s); }),
         .cost = {row.cost("area_ge"), row.cost("delay_fo4"), row.cost("power_proxy")}});
    known_blocks.insert(table.rows_.back().block);
  }
  if (table.rows_.empty()) {
    throw UserError(fmt::format("{}: no costs in it; make the table with scripts/synth", path));
  }
  if (!columns.contains("block")) blocks = {""};  // a table of one block
  for (const std::string& block : blocks) {
    if (known_blocks.contains(block)) continue;
    throw UserError(fmt::format("{}: `cost-block` '{}' is not in it; expected of {}", path, block,
                                fmt::join(known_blocks, ", ")));
  }
  table.blocks_ = std::move(blocks);
  return table;
}

CostTable CostTable::read(const std::string& path, std::vector<std::string> blocks) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
               std::move(blocks));
}

Cost CostTable::find(const Format& format, const Rounding& rounding, Overflow overflow) const {
  Cost total{0, 0, 0};
  for (const std::string& block : blocks_) {
    const Row* best = nullptr;
    int best_rank = -1;
    for (const Row& row : rows_) {
      if (row.block != block) continue;
      if (row.format && (row.format->exponent_bits != format.exponent_bits ||
                         row.format->mantissa_bits != format.mantissa_bits)) {
        continue;
      }
      if (row.rounding && !(*row.rounding == rounding)) continue;
      const int rank = 2 * int{row.format == format} + int{row.overflow == overflow};
      if (rank <= best_rank) continue;
      best_rank = rank;
      best = &row;
    }
    if (best == nullptr) return {kUnknown, kUnknown, kUnknown};
    total.area_ge += best->cost.area_ge;
    total.delay_fo4 = std::max(total.delay_fo4, best->cost.delay_fo4);
    total.power_proxy += best->cost.power_proxy;
  }
  return total;
}

std::vector<bool> pareto_front(const std::vector<double>& loss, const std::vector<double>& cost) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < loss.size(); ++i) {
    if (!std::isnan(loss[i]) && !std::isnan(cost[i])) order.push_back(i);
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return cost[a] != cost[b] ? cost[a] < cost[b] : loss[a] < loss[b];
  });
  // From the cheapest up, a point stays if it loses less than all cheaper ones; its equals stay
  // too.
  std::vector<bool> front(loss.size(), false);
  std::optional<std::size_t> last;
  for (const std::size_t i : order) {
    if (last && loss[i] >= loss[*last] && !(loss[i] == loss[*last] && cost[i] == cost[*last])) {
      continue;
    }
    front[i] = true;
    last = i;
  }
  return front;
}

}  // namespace gradpath
