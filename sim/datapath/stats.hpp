#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace gradpath {

using Cycles = std::uint64_t;

/// What one module did during one product. busy + stalled_in + stalled_out + idle = total.
struct ModuleStats {
  std::string module;
  Cycles busy = 0;         ///< working on an element, a transfer, a pass
  Cycles stalled_in = 0;   ///< more is to come, but nothing is there
  Cycles stalled_out = 0;  ///< a result is ready, but its receiver is not
  Cycles idle = 0;         ///< all its work of this product is done
  Cycles total = 0;        ///< the product's length
  std::uint64_t elements_in = 0;
  std::uint64_t elements_out = 0;
  std::uint64_t zeroed = 0;   ///< nonzero elements that this module made zero
  std::uint64_t dropped = 0;  ///< zero elements that this module removed from the stream
  std::uint64_t beats = 0;    ///< handshakes of `lanes` elements (front end)
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t sram_bytes = 0;  ///< read from and written to the buffer it owns

  ModuleStats& operator+=(const ModuleStats& other);
};

/// One product as simulated.
struct GemmRun {
  Cycles cycles = 0;
  std::uint64_t macs = 0;
  std::uint64_t nonzeros = 0;  ///< of the gradient operand as multiplied
  std::uint64_t passes = 0;
  std::uint64_t drained_sums = 0;  ///< out of the array, once a pass
  std::uint64_t dram_bytes_read = 0;
  std::uint64_t dram_bytes_written = 0;
  std::vector<ModuleStats> modules;  ///< in the order of the data's way
};

/// A deadlock or a conservation check that failed: a bug of the simulator, never of its input.
class SimulationFault : public std::logic_error {
 public:
  explicit SimulationFault(const std::string& message) : std::logic_error(message) {}
};

}  // namespace gradpath
