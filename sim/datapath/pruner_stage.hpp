#pragma once

#include "sim/datapath/stage.hpp"
#include "sim/datapath/tokens.hpp"

namespace gradpath {

/// W pruner lanes: one beat a cycle. With threshold 0 the beats pass unchanged, and take as long.
class PrunerStage : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_fifo_in<Burst> in{"in"};
  sc_core::sc_fifo_out<Burst> out{"out"};

 private:
  void run() override;
};

}  // namespace gradpath
