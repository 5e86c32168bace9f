#pragma once

#include <cstdint>
#include <systemc>

#include "sim/datapath/stats.hpp"

namespace gradpath {

/// What one transfer took.
struct DramTransfer {
  Cycles waited = 0;  ///< for the channel
  Cycles moved = 0;   ///< of transfer
};

/// The memory's side, as its users see it. Called from their processes; returns when the last byte
/// has moved.
class DramInterface : public virtual sc_core::sc_interface {
 public:
  virtual DramTransfer read(std::uint64_t bytes) = 0;
  virtual DramTransfer write(std::uint64_t bytes) = 0;
};

/// A DRAM channel of so many bytes a cycle for reads and writes together. Requests are served in
/// the order of their arrival, one at a time; a user has one request at a time, so users alternate.
/// No latency and no rows: bandwidth alone.
class DramChannel : public sc_core::sc_module, public DramInterface {
 public:
  explicit DramChannel(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}

  /// Clears the counters and sets the bandwidth; before each product.
  void reset(std::uint64_t bytes_per_cycle);
  DramTransfer read(std::uint64_t bytes) override;
  DramTransfer write(std::uint64_t bytes) override;

  /// Busy and idle cycles, bytes_out (read) and bytes_in (written).
  [[nodiscard]] ModuleStats stats(Cycles total) const;

 private:
  DramTransfer transfer(std::uint64_t bytes);

  std::uint64_t bytes_per_cycle_ = 1;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;
  sc_core::sc_event turn_;
  Cycles last_end_ = 0;      ///< when the last transfer ended
  std::uint64_t slack_ = 0;  ///< bytes that its last cycle had left over
  ModuleStats stats_;
};

}  // namespace gradpath
