#include "sim/datapath/stages/gradient_dma.hpp"

#include <algorithm>

namespace gradpath {

void GradientDma::run() {
  const std::uint64_t total_elements = plan().demand.m * plan().demand.k;
  for (std::uint64_t panel = 0; panel < plan().panels; ++panel) {
    for (std::uint64_t chunk = 0; chunk < plan().chunks; ++chunk) {
      const std::uint64_t elements =
          std::uint64_t{plan().panel_rows(panel)} * plan().chunk_extent(chunk);
      for (std::uint64_t first = 0; first < elements; first += plan().burst_elements) {
        const auto count = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(plan().burst_elements, elements - first));
        Burst burst = gather(panel, chunk, first, count);
        burst.last = first + count == elements;
        // Gradient elements have whole bytes: the demand's bytes divide evenly.
        const std::uint64_t bytes = plan().demand.gradient_bytes / total_elements * count;
        const Cycles before = now();
        const DramTransfer transfer = dram->read(bytes);
        stats_.stalled_in += transfer.waited;
        record_busy(before + transfer.waited, transfer.moved);
        stats_.bytes_in += bytes;
        stats_.bytes_out += count * sizeof(float);
        stats_.elements_in += count;
        stats_.elements_out += count;
        stats_.beats += burst.beats;
        give(out, burst);
      }
    }
  }
}

Burst GradientDma::gather(std::uint64_t panel, std::uint64_t chunk, std::uint64_t first,
                          std::uint32_t elements) {
  const GradientOperand& gradient = work().gradient;
  const std::uint64_t row0 = panel * plan().rows;
  const std::uint64_t k0 = chunk * plan().chunk_length;
  const std::uint64_t extent = plan().chunk_extent(chunk);
  const bool needs_index =
      work().random == RandomSource::counter &&
      (work().pruner->alpha() > 0 || work().quantizer->options().rounding.is_stochastic());
  auto values = std::make_shared<std::vector<float>>(elements);
  auto index = needs_index ? std::make_shared<std::vector<std::uint64_t>>(elements) : nullptr;
  for (std::uint32_t i = 0; i < elements; ++i) {
    const std::uint64_t at = gradient.index(row0 + (first + i) / extent, k0 + (first + i) % extent);
    (*values)[i] = gradient.values[at];
    if (index != nullptr) (*index)[i] = at;
  }
  const std::uint32_t lanes = context().config->lanes;
  return {.elements = elements,
          .beats = (elements + lanes - 1) / lanes,
          .values = std::move(values),
          .index = std::move(index)};
}

}  // namespace gradpath
