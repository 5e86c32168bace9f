#include "sim/datapath/stages/mac_array.hpp"

#include "models/mac/gemm.hpp"

namespace gradpath {

void MacArray::run() {
  macs_ = 0;
  passes_ = 0;
  const auto n = static_cast<std::size_t>(plan().demand.n);
  std::vector<float> scratch(n);
  for (std::uint64_t panel = 0; panel < plan().panels; ++panel) {
    const std::uint32_t rows = plan().panel_rows(panel);
    std::shared_ptr<std::vector<float>> sums;
    if (work().sink != nullptr) sums = std::make_shared<std::vector<float>>(rows * n, 0.0f);
    for (std::uint64_t c = 0; c < plan().chunks; ++c) {
      const Chunk chunk = take(chunks);
      const std::uint32_t extent = plan().chunk_extent(c);
      const SparsePanel sparse = decode_panel(*chunk.runs, rows, extent, *work().quantizer);
      // Values of all tiles at once; the passes below are their time.
      if (sums != nullptr) {
        accumulate_panel(sparse, static_cast<std::int64_t>(c * plan().chunk_length),
                         *work().operand, *sums, scratch);
      }
      const Cycles cycles = pass_cycles(context().dispatch, sparse);
      const std::uint64_t macs_a_column = pass_macs(context().dispatch, sparse);
      stats_.elements_in += chunk.nonzeros;
      stats_.bytes_in += chunk.bytes;
      for (std::uint64_t t = 0; t < plan().tiles; ++t) {
        if (!plan().operand_resident || panel == 0) {
          stats_.bytes_in += take(operands).bytes;
        }
        const std::uint32_t columns = plan().tile_columns(t);
        macs_ += macs_a_column * columns;
        ++passes_;
        // Each pass reads the chunk and its part of the operand from their buffers again.
        stats_.sram_bytes +=
            chunk.bytes + (std::uint64_t{extent} * columns *
                               static_cast<std::uint64_t>(plan().demand.operand_bits) +
                           7) /
                              8;
        spend(cycles);
        stats_.elements_out += std::uint64_t{rows} * columns;
        stats_.bytes_out += std::uint64_t{rows} * columns * sizeof(float);
        const bool last = c + 1 == plan().chunks;
        give(out, ResultTile{.panel = panel,
                             .tile = t,
                             .rows = rows,
                             .columns = columns,
                             .first_chunk = c == 0,
                             .last_chunk = last,
                             .panel_values = last && t + 1 == plan().tiles ? sums : nullptr});
      }
      give(free_banks, chunk.bank);
    }
  }
}

}  // namespace gradpath
