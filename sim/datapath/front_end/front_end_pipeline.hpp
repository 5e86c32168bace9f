#pragma once

#include <array>
#include <cstdint>

#include "sim/datapath/front_end/stream_block.hpp"

namespace gradpath {

/// Pruner, quantizer and compactor in a row, clock by clock, with their counters. Knows no SystemC:
/// the stage FrontEnd feeds it, and tests do under stalls of their own.
///
/// What a block does in a cycle is told from its handshakes alone, so that models and RTL are
/// counted alike. *Busy*: a beat enters, or the last ones are on their way through. *Stalled out*:
/// a beat is offered, or the last ones wait, and the receiver is not ready. *Stalled in*: more is
/// to come and nothing is offered. After its last beat has left, a block is idle.
class FrontEndPipeline {
 public:
  static constexpr std::size_t kBlocks = 3;

  /// Null blocks are filled with the models.
  explicit FrontEndPipeline(FrontEndBlocks blocks);

  /// Empties the blocks; a product of so many elements, beats and chunks follows.
  void begin(const GemmWork& work, std::uint32_t lanes, std::uint64_t elements, std::uint64_t beats,
             std::uint64_t chunks);

  [[nodiscard]] bool ready() const { return blocks_[0]->ready(); }
  [[nodiscard]] const StreamBeat* bitmap() const { return blocks_[2]->output(StreamBlock::kMain); }
  [[nodiscard]] const StreamBeat* codes() const { return blocks_[2]->output(StreamBlock::kCodes); }

  /// One cycle. offered: a beat that stays until it is taken (ready()), or null; the flags: whether
  /// the receivers take what bitmap() and codes() show.
  void cycle(const StreamBeat* offered, bool bitmap_ready, bool codes_ready);
  /// So many cycles like the last, in which nothing moved.
  void repeat(Cycles cycles);

  [[nodiscard]] Cycles now() const { return now_; }
  /// No beat moved between blocks, in or out, in the last cycle.
  [[nodiscard]] bool is_quiet() const { return quiet_; }
  /// So many quiet cycles after the last handshake nothing inside changes any more: the sum of what
  /// the blocks say.
  [[nodiscard]] Cycles settles_within() const;
  /// Which blocks were busy in the last cycle.
  [[nodiscard]] bool was_busy(std::size_t block) const { return last_[block] == State::busy; }
  /// Counters of pruner, quantizer or compactor, without idle and total.
  [[nodiscard]] ModuleStats stats(std::size_t block) const;

 private:
  enum class State : std::uint8_t { busy, stalled_in, stalled_out, idle };

  struct Progress {
    std::uint64_t entered = 0;  ///< beats
    std::uint64_t left = 0;     ///< beats; of the compactor bitmaps
    bool empty = false;         ///< all that the product has has left
  };

  /// What is offered and taken at a block in one cycle.
  struct Handshake {
    bool offered;
    bool enters;
    bool shows;   ///< an output offers something
    bool leaves;  ///< its main output is taken
  };
  void account(std::size_t block, const Handshake& handshake);
  void add(std::size_t block, State state, Cycles cycles);

  std::array<std::unique_ptr<StreamBlock>, kBlocks> blocks_;
  std::array<ModuleStats, kBlocks> stats_;
  std::array<Progress, kBlocks> progress_;
  std::array<State, kBlocks> last_ = {};
  Format format_ = {};
  std::uint64_t elements_ = 0;
  std::uint64_t beats_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t chunks_left_ = 0;  ///< ends of chunks among the codes that have left
  std::array<std::uint64_t, kBlocks> zeros_in_ = {};
  Cycles now_ = 0;
  bool quiet_ = false;
};

}  // namespace gradpath
