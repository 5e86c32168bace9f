#pragma once

#include "sim/datapath/stage.hpp"
#include "sim/datapath/tokens.hpp"

namespace gradpath {

/// The gradient SRAM: two banks of one chunk each. Fills one, as fast as the beats come, while the
/// array reads the other; the array returns a bank when it is through with it.
class GradientBuffer : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_fifo_in<PackedBurst> in{"in"};
  sc_core::sc_fifo_in<int> free_banks{"free_banks"};
  sc_core::sc_fifo_out<Chunk> out{"out"};

 private:
  void run() override;
};

}  // namespace gradpath
