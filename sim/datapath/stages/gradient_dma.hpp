#pragma once

#include "sim/datapath/memory/dram_channel.hpp"
#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// Fetches the gradient from DRAM in the order of use: panel by panel, chunk by chunk, rows of a
/// chunk one after the other. Busy while its bytes move.
class GradientDma : public Stage {
 public:
  using Stage::Stage;
  sc_core::sc_port<DramInterface> dram{"dram"};
  sc_core::sc_fifo_out<Burst> out{"out"};

 private:
  void run() override;
  /// Elements `first` and following of the pass's block of A.
  [[nodiscard]] Burst gather(const Pass& pass, std::uint64_t first, std::uint32_t elements);
};

}  // namespace gradpath
