#include "sim/datapath/stages/accumulator.hpp"

namespace gradpath {

void Accumulator::run() {
  plan().walk(nullptr, [&](const Pass& pass) {
    const ResultTile tile = take(in);
    const std::uint64_t bytes = tile.elements * sizeof(float);
    stats_.elements_in += tile.elements;
    stats_.bytes_in += bytes;
    if (plan().partial_sums_spill) {
      move_spilled(pass, bytes);
    } else {
      stats_.sram_bytes += (pass.begins_sums ? 0 : bytes) + (pass.ends_sums ? 0 : bytes);
    }
    const std::uint64_t width = context().config->drain_width();
    spend((tile.elements + width - 1) / width);
    if (!pass.ends_sums) return;
    stats_.elements_out += tile.elements;
    stats_.bytes_out += bytes;
    give(out, tile);
  });
}

void Accumulator::move_spilled(const Pass& pass, std::uint64_t bytes) {
  const auto account = [&](Cycles& waiting, Cycles before, const DramTransfer& transfer) {
    waiting += transfer.waited;
    record_busy(before + transfer.waited, transfer.moved);
  };
  if (!pass.begins_sums) {
    const Cycles before = now();
    account(stats_.stalled_in, before, dram->read(bytes));
    stats_.bytes_in += bytes;
  }
  if (!pass.ends_sums) {
    const Cycles before = now();
    account(stats_.stalled_out, before, dram->write(bytes));
    stats_.bytes_out += bytes;
  }
}

}  // namespace gradpath
