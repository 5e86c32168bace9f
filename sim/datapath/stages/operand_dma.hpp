#pragma once

#include "sim/datapath/memory/dram_channel.hpp"
#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// Fetches the dense operand into its buffer, a slice (chunk x tile) at a time in the order of use:
/// once if all of it fits, else once a panel. An image is fetched as it is; the window's copies are
/// made on the way from the buffer to the array.
class OperandDma : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_port<DramInterface> dram{"dram"};
  sc_core::sc_fifo_out<OperandSlice> out{"out"};

 private:
  void run() override;
};

}  // namespace gradpath
