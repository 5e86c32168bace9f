#pragma once

#include "sim/datapath/front_end/front_end_pipeline.hpp"
#include "sim/datapath/front_end/gradient_buffer.hpp"
#include "sim/datapath/stages/stage.hpp"
#include "sim/datapath/stages/tokens.hpp"

namespace gradpath {

/// Pruner, quantizer, compactor and gradient buffer: one beat a cycle from one to the next. A
/// single process clocks all of them, because a beat may move between any two in every cycle; it
/// sleeps while nothing can move. Whatever arrives from outside (a burst, a free bank) is used from
/// the next cycle on.
class FrontEnd : public Stage {
 public:
  FrontEnd(const sc_core::sc_module_name& name, RunContext& context, sc_core::sc_event& start,
           FrontEndBlocks blocks);
  sc_core::sc_fifo_in<Burst> in{"in"};
  sc_core::sc_fifo_in<int> free_banks{"free_banks"};
  sc_core::sc_fifo_out<Chunk> out{"out"};

  void append_stats(Cycles total, std::vector<ModuleStats>& modules) const override;

 private:
  /// Where a cycle of the buffer goes.
  enum class BufferState : std::uint8_t { busy, stalled_in, stalled_out };

  void run() override;
  void begin();
  [[nodiscard]] bool fetch_beat();
  [[nodiscard]] Cycles sorting_cycles() const;
  void step();
  void sleep();
  void count_buffer(Cycles cycles);
  void record_timeline() const;

  FrontEndPipeline pipeline_;
  GradientBuffer buffer_;
  Burst burst_;
  std::uint32_t burst_next_ = 0;  ///< its first element that was not offered yet
  StreamBeat offered_;
  bool offers_ = false;
  BufferState buffer_state_ = BufferState::stalled_in;
  ModuleStats buffer_cycles_;
};

}  // namespace gradpath
