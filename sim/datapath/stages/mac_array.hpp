#pragma once

#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// R x C multipliers. What stays in them during a pass is the dataflow's business, how long its
/// positions of k take the dispatch's (models/sparse/dispatch.hpp). A pass makes its tile's values.
class MacArray : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_fifo_in<Chunk> chunks{"chunks"};
  sc_core::sc_fifo_in<OperandSlice> operands{"operands"};
  sc_core::sc_fifo_out<int> free_banks{"free_banks"};
  sc_core::sc_fifo_out<ResultTile> out{"out"};

  [[nodiscard]] std::uint64_t macs() const { return macs_; }
  [[nodiscard]] std::uint64_t passes() const { return passes_; }

 private:
  void run() override;
  [[nodiscard]] OperandRows read_operand(const Pass& pass);

  std::uint64_t macs_ = 0;
  std::uint64_t passes_ = 0;
  std::vector<float> operand_scratch_;
};

}  // namespace gradpath
