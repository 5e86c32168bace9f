#pragma once

#include <array>
#include <string>

#include "sim/datapath/front_end/front_end.hpp"
#include "sim/datapath/memory/dram_channel.hpp"
#include "sim/datapath/stages/accumulator.hpp"
#include "sim/datapath/stages/gradient_dma.hpp"
#include "sim/datapath/stages/mac_array.hpp"
#include "sim/datapath/stages/operand_dma.hpp"
#include "sim/datapath/stages/write_back.hpp"

namespace gradpath {

/// The stages and what lies between them; knows SystemC and nothing of runs.
struct Stages {
  Stages(const DatapathConfig& config, RunContext& context, FrontEndBlocks blocks);

  sc_core::sc_event start;
  DramChannel dram;

  sc_core::sc_fifo<Burst> fetched;
  sc_core::sc_fifo<Chunk> chunks;
  sc_core::sc_fifo<int> free_banks;
  sc_core::sc_fifo<OperandSlice> operands;
  sc_core::sc_fifo<ResultTile> tiles;
  sc_core::sc_fifo<ResultTile> results;

  GradientDma gradient_dma;
  FrontEnd front_end;
  OperandDma operand_dma;
  MacArray mac_array;
  Accumulator accumulator;
  WriteBack write_back;

  /// In the order of the data's way.
  std::array<Stage*, 6> all;

  /// `fetched 2/2, chunks 0/2, ...`: what a deadlock's message shows.
  [[nodiscard]] std::string fifo_fill() const;
};

}  // namespace gradpath
