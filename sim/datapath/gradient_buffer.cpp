#include "sim/datapath/gradient_buffer.hpp"

namespace gradpath {

void GradientBuffer::run() {
  const int bits = work().quantizer->format().bits();
  for (std::uint64_t panel = 0; panel < plan().panels; ++panel) {
    for (std::uint64_t index = 0; index < plan().chunks; ++index) {
      Chunk chunk{.panel = panel,
                  .index = index,
                  .bank = take_credit(free_banks),
                  .bytes = 0,
                  .nonzeros = 0,
                  .runs = nullptr};
      const std::uint64_t elements =
          std::uint64_t{plan().panel_rows(panel)} * plan().chunk_extent(index);
      auto runs = std::make_shared<std::vector<PackedCodes>>();
      for (std::uint64_t i = 0; i < plan().bursts(elements); ++i) {
        PackedBurst burst = take(in);
        const std::uint64_t nonzeros = burst.packed->codes.size();
        const std::uint64_t bytes = packed_bytes(burst.packed->elements, nonzeros, bits);
        chunk.nonzeros += nonzeros;
        stats_.elements_in += nonzeros;
        stats_.bytes_in += bytes;
        stats_.beats += burst.beats;
        runs->push_back(std::move(*burst.packed));
        spend(burst.beats);
      }
      // A chunk's bitmap and codes are each stored without gaps between the bursts.
      chunk.bytes = packed_bytes(elements, chunk.nonzeros, bits);
      if (chunk.bytes > context().config->gradient_buffer_bytes / 2) {
        throw SimulationFault("gradient buffer: a chunk is larger than its bank");
      }
      stats_.sram_bytes += chunk.bytes;
      stats_.elements_out += chunk.nonzeros;
      stats_.bytes_out += chunk.bytes;
      chunk.runs = std::move(runs);
      give(out, chunk);
    }
  }
}

}  // namespace gradpath
