#include "sim/datapath/replay/design.hpp"

#include <utility>

#include <fmt/format.h>

namespace gradpath {

Stages::Stages(const DatapathConfig& config, RunContext& context, FrontEndBlocks blocks)
    : start("start"),
      dram("dram"),
      fetched("fetched", static_cast<int>(config.fifo_depth)),
      chunks("chunks", 2),
      free_banks("free_banks", 2),
      operands("operands", 1),
      tiles("tiles", 1),
      results("results", 1),
      gradient_dma("gradient_dma", context, start),
      front_end("front_end", context, start, std::move(blocks)),
      operand_dma("operand_dma", context, start),
      mac_array("mac_array", context, start),
      accumulator("accumulator", context, start),
      write_back("write_back", context, start),
      all{&gradient_dma, &front_end, &operand_dma, &mac_array, &accumulator, &write_back} {
  gradient_dma.dram(dram);
  gradient_dma.out(fetched);
  front_end.in(fetched);
  front_end.free_banks(free_banks);
  front_end.out(chunks);
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
  return fmt::format("{}, {}, {}, {}, {}, {}", fill(fetched), fill(chunks), fill(free_banks),
                     fill(operands), fill(tiles), fill(results));
}

}  // namespace gradpath
