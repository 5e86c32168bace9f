#pragma once

#include "sim/datapath/memory/dram_channel.hpp"
#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// Takes a pass's sums out of the array, so many a cycle, while the next pass runs. Where a panel
/// has several chunks, the sums of the earlier ones wait in a buffer of their own, or in DRAM if
/// that is too small.
class Accumulator : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_port<DramInterface> dram{"dram"};
  sc_core::sc_fifo_in<ResultTile> in{"in"};
  sc_core::sc_fifo_out<ResultTile> out{"out"};

 private:
  void run() override;
  void move_spilled(const Pass& pass, std::uint64_t bytes);
};

}  // namespace gradpath
