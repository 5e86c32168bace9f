#include "sim/datapath/stages/accumulator.hpp"

namespace gradpath {

void Accumulator::run() {
  const std::uint64_t passes = plan().panels * plan().chunks * plan().tiles;
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    const ResultTile tile = take(in);
    const std::uint64_t elements = std::uint64_t{tile.rows} * tile.columns;
    const std::uint64_t bytes = elements * sizeof(float);
    stats_.elements_in += elements;
    stats_.bytes_in += bytes;
    if (plan().partial_sums_spill) {
      move_spilled(tile, bytes);
    } else {
      stats_.sram_bytes += (tile.first_chunk ? 0 : bytes) + (tile.last_chunk ? 0 : bytes);
    }
    // The way out of the array is as wide as the array: C sums a cycle.
    const std::uint64_t width = context().config->array_columns;
    spend((elements + width - 1) / width);
    if (!tile.last_chunk) continue;
    stats_.elements_out += elements;
    stats_.bytes_out += bytes;
    give(out, tile);
  }
}

void Accumulator::move_spilled(const ResultTile& tile, std::uint64_t bytes) {
  const auto account = [&](Cycles& waiting, Cycles before, const DramTransfer& transfer) {
    waiting += transfer.waited;
    record_busy(before + transfer.waited, transfer.moved);
  };
  if (!tile.first_chunk) {
    const Cycles before = now();
    account(stats_.stalled_in, before, dram->read(bytes));
    stats_.bytes_in += bytes;
  }
  if (!tile.last_chunk) {
    const Cycles before = now();
    account(stats_.stalled_out, before, dram->write(bytes));
    stats_.bytes_out += bytes;
  }
}

}  // namespace gradpath
