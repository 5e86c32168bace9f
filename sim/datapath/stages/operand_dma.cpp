#include "sim/datapath/stages/operand_dma.hpp"

#include <algorithm>

namespace gradpath {

void OperandDma::run() {
  plan().walk(&Pass::loads_b, [&](const Pass& pass) {
    for (std::uint64_t moved = 0; moved < pass.b_bytes;) {
      const std::uint64_t part = std::min(context().config->dram_burst_bytes, pass.b_bytes - moved);
      const Cycles before = now();
      const DramTransfer transfer = dram->read(part);
      stats_.stalled_in += transfer.waited;
      record_busy(before + transfer.waited, transfer.moved);
      moved += part;
    }
    stats_.bytes_in += pass.b_bytes;
    stats_.bytes_out += pass.b_bytes;
    stats_.sram_bytes += pass.b_bytes;
    give(out, OperandSlice{.bytes = pass.b_bytes});
  });
}

}  // namespace gradpath
