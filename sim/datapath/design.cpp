#include "sim/datapath/design.hpp"

#include <fmt/format.h>

namespace gradpath {

Stages::Stages(const DatapathConfig& config, RunContext& context)
    : start("start"),
      dram("dram"),
      fetched("fetched", static_cast<int>(config.fifo_depth)),
      pruned("pruned", static_cast<int>(config.fifo_depth)),
      quantized("quantized", static_cast<int>(config.fifo_depth)),
      packed("packed", static_cast<int>(config.fifo_depth)),
      chunks("chunks", 2),
      free_banks("free_banks", 2),
      operands("operands", 1),
      tiles("tiles", 1),
      results("results", 1),
      gradient_dma("gradient_dma", context, start),
      pruner("pruner", context, start),
      quantizer("quantizer", context, start),
      compactor("compactor", context, start),
      gradient_buffer("gradient_buffer", context, start),
      operand_dma("operand_dma", context, start),
      mac_array("mac_array", context, start),
      accumulator("accumulator", context, start),
      write_back("write_back", context, start),
      all{&gradient_dma, &pruner,    &quantizer,   &compactor, &gradient_buffer,
          &operand_dma,  &mac_array, &accumulator, &write_back} {
  gradient_dma.dram(dram);
  gradient_dma.out(fetched);
  pruner.in(fetched);
  pruner.out(pruned);
  quantizer.in(pruned);
  quantizer.out(quantized);
  compactor.in(quantized);
  compactor.out(packed);
  gradient_buffer.in(packed);
  gradient_buffer.free_banks(free_banks);
  gradient_buffer.out(chunks);
  operand_dma.dram(dram);
  operand_dma.out(operands);
  mac_array.chunks(chunks);
  mac_array.operands(operands);
  mac_array.free_banks(free_banks);
  mac_array.out(tiles);
  accumulator.dram(dram);
  accumulator.in(tiles);
  accumulator.out(results);
  write_back.dram(dram);
  write_back.in(results);
  // Both banks are free; each run returns them.
  free_banks.write(0);
  free_banks.write(1);
}

std::string Stages::fifo_fill() const {
  const auto fill = [](const auto& fifo) {
    return fmt::format("{} {}/{}", fifo.basename(), fifo.num_available(),
                       fifo.num_available() + fifo.num_free());
  };
  return fmt::format("{}, {}, {}, {}, {}, {}, {}, {}, {}", fill(fetched), fill(pruned),
                     fill(quantized), fill(packed), fill(chunks), fill(free_banks), fill(operands),
                     fill(tiles), fill(results));
}

}  // namespace gradpath
