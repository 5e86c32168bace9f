#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/verify/banks/waveform.hpp"

namespace gradpath::verify {

/// Every rtl/pruner_lane.sv that was built (pruner_lane_table.sv). One object a thread.
class PrunerBank {
 public:
  PrunerBank();
  ~PrunerBank();
  PrunerBank(PrunerBank&&) noexcept;
  PrunerBank& operator=(PrunerBank&&) noexcept;

  /// Random bits of each row.
  [[nodiscard]] const std::vector<int>& rows() const;
  /// out[row * x.size() + i]: x[i] pruned against alpha by that row; all fp32 bit patterns.
  void prune(std::uint32_t alpha, std::span<const std::uint32_t> x,
             std::span<const std::uint32_t> words, std::span<std::uint32_t> out);
  /// The tick of the bank, from its making on, that evaluated element i of the last call.
  [[nodiscard]] std::uint64_t tick_of(std::size_t i) const;
  /// Shows all rows and the inputs that all share; null: nothing.
  void watch(Waveform* wave);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
