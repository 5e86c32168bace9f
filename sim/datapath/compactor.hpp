#pragma once

#include "sim/datapath/stage.hpp"
#include "sim/datapath/tokens.hpp"

namespace gradpath {

/// Turns codes into a bitmap and the codes of the nonzeros: one beat a cycle.
class Compactor : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_fifo_in<Burst> in{"in"};
  sc_core::sc_fifo_out<PackedBurst> out{"out"};

 private:
  void run() override;
};

}  // namespace gradpath
