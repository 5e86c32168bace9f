#include "sim/datapath/stages/gradient_dma.hpp"

#include <algorithm>

namespace gradpath {

void GradientDma::run() {
  // Gradient elements have whole bytes: the demand's bytes divide evenly.
  const std::uint64_t element_bytes =
      plan().demand.gradient_bytes / (plan().demand.m * plan().demand.k);
  plan().walk(&Pass::loads_a, [&](const Pass& pass) {
    for (std::uint64_t first = 0; first < pass.a_elements(); first += plan().burst_elements) {
      const auto count = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(plan().burst_elements, pass.a_elements() - first));
      Burst burst = gather(pass, first, count);
      const std::uint64_t bytes = element_bytes * count;
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
  });
}

Burst GradientDma::gather(const Pass& pass, std::uint64_t first, std::uint32_t elements) {
  const GradientOperand& gradient = work().gradient;
  const bool needs_index =
      work().random == RandomSource::counter &&
      (work().pruner->alpha() > 0 || work().quantizer->options().rounding.is_stochastic());
  auto values = std::make_shared<std::vector<float>>(elements);
  auto index = needs_index ? std::make_shared<std::vector<std::uint64_t>>(elements) : nullptr;
  for (std::uint32_t i = 0; i < elements; ++i) {
    const std::uint64_t at =
        gradient.index(pass.m + (first + i) / pass.depth, pass.k + (first + i) % pass.depth);
    (*values)[i] = gradient.values[at];
    if (index != nullptr) (*index)[i] = at;
  }
  const std::uint32_t lanes = context().config->lanes;
  return {.elements = elements,
          .beats = (elements + lanes - 1) / lanes,
          .last = first + elements == pass.a_elements(),
          .values = std::move(values),
          .index = std::move(index)};
}

}  // namespace gradpath
