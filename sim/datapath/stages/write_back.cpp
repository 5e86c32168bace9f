#include "sim/datapath/stages/write_back.hpp"

#include <algorithm>

namespace gradpath {

void WriteBack::run() {
  plan().walk(&Pass::ends_sums, [&](const Pass& pass) {
    const ResultTile tile = take(in);
    stats_.elements_in += tile.elements;
    stats_.bytes_in += tile.elements * sizeof(float);
    for (std::uint64_t moved = 0; moved < pass.d_bytes;) {
      const std::uint64_t part = std::min(context().config->dram_burst_bytes, pass.d_bytes - moved);
      const Cycles before = now();
      const DramTransfer transfer = dram->write(part);
      stats_.stalled_out += transfer.waited;
      record_busy(before + transfer.waited, transfer.moved);
      moved += part;
    }
    stats_.elements_out += pass.sums();
    stats_.bytes_out += pass.d_bytes;
    if (tile.panel_values != nullptr) work().sink->take(pass.m, *tile.panel_values);
  });
}

}  // namespace gradpath
