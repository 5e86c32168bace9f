#include "sim/datapath/energy.hpp"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {

void validate(const EnergyTable& table) {
  const auto require = [](std::string_view option, double value) {
    if (std::isfinite(value) && value >= 0) return;
    throw UserError(fmt::format("--{} is {}, expected a finite number of pJ >= 0", option, value));
  };
  require("multiply-8-pj", table.multiply_8_pj);
  require("multiply-16-pj", table.multiply_16_pj);
  require("multiply-32-pj", table.multiply_32_pj);
  require("accumulate-pj", table.accumulate_pj);
  require("prune-pj", table.prune_pj);
  require("quantize-pj", table.quantize_pj);
  require("sram-byte-pj", table.sram_byte_pj);
  require("dram-byte-pj", table.dram_byte_pj);
}

double mac_energy_pj(const EnergyTable& table, const Format& a, const Format& b) {
  // A multiplier's cost is that of its significands, the implicit bits included.
  const int product_bits = a.mantissa_bits + 1 + b.mantissa_bits + 1;
  const double multiply = product_bits <= 8    ? table.multiply_8_pj
                          : product_bits <= 22 ? table.multiply_16_pj
                                               : table.multiply_32_pj;
  return multiply + table.accumulate_pj;
}

double energy_pj(const EnergyTable& table, const EnergyEvents& events, const Format& a,
                 const Format& b) {
  const auto times = [](std::uint64_t count, double pj) { return static_cast<double>(count) * pj; };
  return times(events.macs, mac_energy_pj(table, a, b)) +
         times(events.pruned_elements, table.prune_pj) +
         times(events.quantized_elements, table.quantize_pj) +
         times(events.sram_bytes, table.sram_byte_pj) +
         times(events.dram_bytes, table.dram_byte_pj);
}

}  // namespace gradpath
