#pragma once

#include <cstdint>

#include "models/format/format.hpp"

namespace gradpath {

/// Energy of one operation or byte, in pJ. Approximate: figures of a 45 nm process at 0.9 V, as
/// published by M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC
/// 2014, table of rough costs: integer add 8 bits 0.03, 32 bits 0.1; integer multiply 8 bits 0.2,
/// 32 bits 3.1; float add 16 bits 0.4, 32 bits 0.9; float multiply 16 bits 1.1, 32 bits 3.7; 8 KiB
/// cache 64 bits 10; DRAM 64 bits 1300 to 2600. Use them to compare designs, not to predict a chip.
struct EnergyTable {
  double multiply_8_pj = 0.2;   ///< both factors' significands together up to 8 bits wide
  double multiply_16_pj = 1.1;  ///< up to 22 bits: the product of two fp16
  double multiply_32_pj = 3.7;  ///< wider
  double accumulate_pj = 0.9;   ///< fp32 addition
  double prune_pj = 0.2;        ///< an element through the pruner: an 8-bit multiply's worth
  double quantize_pj = 0.1;     ///< an element through the quantizer: a 32-bit add's worth
  double sram_byte_pj = 1.25;   ///< 10 pJ for 8 bytes
  double dram_byte_pj = 162.5;  ///< 1300 pJ for 8 bytes, the lower end

  friend bool operator==(const EnergyTable&, const EnergyTable&) = default;
};

/// UserError on a negative or non-finite entry.
void validate(const EnergyTable& table);

/// What a run did, to be charged.
struct EnergyEvents {
  std::uint64_t macs = 0;
  std::uint64_t pruned_elements = 0;     ///< through the pruner, kept or not
  std::uint64_t quantized_elements = 0;  ///< through the quantizer
  std::uint64_t sram_bytes = 0;          ///< read and written, all buffers
  std::uint64_t dram_bytes = 0;          ///< read and written
};

/// One multiply-accumulate of the two formats, in pJ.
[[nodiscard]] double mac_energy_pj(const EnergyTable& table, const Format& a, const Format& b);

/// The sum, in pJ.
[[nodiscard]] double energy_pj(const EnergyTable& table, const EnergyEvents& events,
                               const Format& a, const Format& b);

}  // namespace gradpath
