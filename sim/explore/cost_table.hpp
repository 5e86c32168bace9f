#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"

namespace gradpath {

/// What hardware for a format costs: results/synth/cost.md defines the units. NaN: not known.
struct Cost {
  double area_ge;      ///< area in NAND2 equivalents
  double delay_fo4;    ///< longest path, in delays of an inverter that drives four
  double power_proxy;  ///< pJ a cycle at a fixed activity
};

/// The costs of blocks by format and rounding, as scripts/synth writes them.
class CostTable {
 public:
  /// Reads CSV text with the columns format, area_ge, delay_fo4, power_proxy and, if there are
  /// such, block, rounding, overflow; others are ignored. An empty cell fits everything. blocks:
  /// whose costs count together. UserError, naming `path`, the line and what was expected, for text
  /// that is no such table or lacks a block.
  [[nodiscard]] static CostTable parse(std::string_view path, std::string_view text,
                                       std::vector<std::string> blocks);
  [[nodiscard]] static CostTable read(const std::string& path, std::vector<std::string> blocks);

  /// Areas and powers of the blocks added up, and the longest of their delays. Of a block's rows
  /// with the format's numbers of exponent and mantissa bits and this rounding, the one of exactly
  /// this format counts before others, then that of this overflow rule, then the first. NaN if a
  /// block has none.
  [[nodiscard]] Cost find(const Format& format, const Rounding& rounding, Overflow overflow) const;

 private:
  struct Row {
    std::string block;
    std::optional<Format> format;
    std::optional<Rounding> rounding;
    std::optional<Overflow> overflow;
    Cost cost;
  };
  std::vector<std::string> blocks_;
  std::vector<Row> rows_;
};

/// Which points no other beats: none is as good in both and better in one. Smaller is better; a
/// point with a NaN is never among them. Both spans of one size.
[[nodiscard]] std::vector<bool> pareto_front(const std::vector<double>& loss,
                                             const std::vector<double>& cost);

}  // namespace gradpath
