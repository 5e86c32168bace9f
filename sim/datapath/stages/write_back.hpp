#pragma once

#include "sim/datapath/memory/dram_channel.hpp"
#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// Writes finished tiles to DRAM and hands finished panels to the work's sink. For images the
/// overlapping windows are added on the way, so that each output byte is written once.
class WriteBack : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_port<DramInterface> dram{"dram"};
  sc_core::sc_fifo_in<ResultTile> in{"in"};

 private:
  void run() override;
};

}  // namespace gradpath
