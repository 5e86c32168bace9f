#pragma once

#include <array>
#include <string>

#include "sim/datapath/accumulator.hpp"
#include "sim/datapath/compactor.hpp"
#include "sim/datapath/dram_channel.hpp"
#include "sim/datapath/gradient_buffer.hpp"
#include "sim/datapath/gradient_dma.hpp"
#include "sim/datapath/mac_array.hpp"
#include "sim/datapath/operand_dma.hpp"
#include "sim/datapath/pruner_stage.hpp"
#include "sim/datapath/quantizer_stage.hpp"
#include "sim/datapath/write_back.hpp"

namespace gradpath {

/// The stages and what lies between them; knows SystemC and nothing of runs.
struct Stages {
  Stages(const DatapathConfig& config, RunContext& context);

  sc_core::sc_event start;
  DramChannel dram;

  sc_core::sc_fifo<Burst> fetched;
  sc_core::sc_fifo<Burst> pruned;
  sc_core::sc_fifo<Burst> quantized;
  sc_core::sc_fifo<PackedBurst> packed;
  sc_core::sc_fifo<Chunk> chunks;
  sc_core::sc_fifo<int> free_banks;
  sc_core::sc_fifo<OperandSlice> operands;
  sc_core::sc_fifo<ResultTile> tiles;
  sc_core::sc_fifo<ResultTile> results;

  GradientDma gradient_dma;
  PrunerStage pruner;
  QuantizerStage quantizer;
  Compactor compactor;
  GradientBuffer gradient_buffer;
  OperandDma operand_dma;
  MacArray mac_array;
  Accumulator accumulator;
  WriteBack write_back;

  /// In the order of the data's way.
  std::array<Stage*, 9> all;

  /// `fetched 2/2, pruned 0/2, ...`: what a deadlock's message shows.
  [[nodiscard]] std::string fifo_fill() const;
};

}  // namespace gradpath
