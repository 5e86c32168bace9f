#pragma once

#include <cstdint>
#include <string_view>

#include "models/sparse/dispatch.hpp"
#include "sim/datapath/dataflow/dataflow.hpp"
#include "sim/datapath/energy.hpp"

namespace gradpath {

/// The hardware. Every number is per clock cycle or in bytes; docs/microarchitecture.md has the
/// picture.
struct DatapathConfig {
  std::uint32_t array_rows = 16;            ///< R: rows of the sparse operand at a time
  std::uint32_t array_columns = 16;         ///< C: multipliers in a row
  std::uint32_t lanes = 16;                 ///< W: elements a beat in pruner, quantizer, compactor
  std::uint32_t burst_beats = 16;           ///< beats that come from DRAM as one transaction
  std::uint32_t fifo_depth = 2;             ///< bursts between DRAM and pruner
  std::uint64_t dram_bytes_per_cycle = 64;  ///< shared by all traffic
  std::uint64_t dram_burst_bytes = 1024;    ///< the channel changes owner between bursts
  std::uint64_t gradient_buffer_bytes = 64 << 10;    ///< both banks together
  std::uint64_t operand_buffer_bytes = 4 << 20;      ///< dense operand
  std::uint64_t accumulator_buffer_bytes = 1 << 20;  ///< partial sums of one panel
  std::uint32_t drain_sums = 0;  ///< that leave the array in a cycle; 0: drain_width() says
  const Dataflow* dataflow = dataflows().data();
  DispatchPtr dispatch = parse_dispatch("row-skip");
  bool mixes_rows = false;     ///< groups that share are made of full and empty rows
  bool interleaves_k = false;  ///< neighbouring positions of k are spread over all of it
  EnergyTable energy = {};

  [[nodiscard]] std::uint32_t drain_width() const {
    return drain_sums == 0 ? array_columns * dispatch->drained_rows(array_rows) : drain_sums;
  }
};

/// UserError naming the first field out of range, by its option's name.
void validate(const DatapathConfig& config);

/// Reads `RxC` (16x16) into array_rows and array_columns; else UserError.
void parse_array(std::string_view text, DatapathConfig& config);

}  // namespace gradpath
