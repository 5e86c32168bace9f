#include "sim/datapath/stages/write_back.hpp"

#include <algorithm>

namespace gradpath {

void WriteBack::run() {
  const std::uint64_t tiles = plan().panels * plan().tiles;
  for (std::uint64_t i = 0; i < tiles; ++i) {
    const ResultTile tile = take(in);
    stats_.elements_in += std::uint64_t{tile.rows} * tile.columns;
    stats_.bytes_in += std::uint64_t{tile.rows} * tile.columns * sizeof(float);
    const std::uint64_t bytes = share(plan().demand.output_bytes, i, tiles);
    for (std::uint64_t moved = 0; moved < bytes;) {
      const std::uint64_t part = std::min(context().config->dram_burst_bytes, bytes - moved);
      const Cycles before = now();
      const DramTransfer transfer = dram->write(part);
      stats_.stalled_out += transfer.waited;
      record_busy(before + transfer.waited, transfer.moved);
      moved += part;
    }
    stats_.elements_out += std::uint64_t{tile.rows} * tile.columns;
    stats_.bytes_out += bytes;
    if (tile.panel_values != nullptr) {
      work().sink->take(tile.panel * plan().rows, *tile.panel_values);
    }
  }
}

}  // namespace gradpath
