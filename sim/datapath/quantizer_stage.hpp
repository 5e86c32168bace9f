#pragma once

#include "sim/datapath/stage.hpp"
#include "sim/datapath/tokens.hpp"

namespace gradpath {

/// W quantizer lanes: one beat a cycle, fp32 in, codes out.
class QuantizerStage : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_fifo_in<Burst> in{"in"};
  sc_core::sc_fifo_out<Burst> out{"out"};

 private:
  void run() override;
};

}  // namespace gradpath
