#include "sim/datapath/stages/operand_dma.hpp"

#include <algorithm>

namespace gradpath {

void OperandDma::run() {
  const std::uint64_t slices_of_panel = plan().chunks * plan().tiles;
  for (std::uint64_t slice = 0; slice < plan().operand_slices(); ++slice) {
    const std::uint64_t bytes =
        share(plan().demand.operand_bytes, slice % slices_of_panel, slices_of_panel);
    for (std::uint64_t moved = 0; moved < bytes;) {
      const std::uint64_t part = std::min(context().config->dram_burst_bytes, bytes - moved);
      const Cycles before = now();
      const DramTransfer transfer = dram->read(part);
      stats_.stalled_in += transfer.waited;
      record_busy(before + transfer.waited, transfer.moved);
      moved += part;
    }
    stats_.bytes_in += bytes;
    stats_.bytes_out += bytes;
    stats_.sram_bytes += bytes;
    give(out, OperandSlice{.bytes = bytes});
  }
}

}  // namespace gradpath
