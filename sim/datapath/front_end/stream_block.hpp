#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/datapath/dataflow/work.hpp"
#include "sim/datapath/stats.hpp"

namespace gradpath {

/// A beat between the blocks of the front end, as rtl/README.md has it: fp32 bit patterns, codes,
/// or the compactor's bits. Its elements fill the lanes from lane 0 on.
struct StreamBeat {
  std::uint32_t elements = 0;
  bool last = false;                ///< ends its chunk
  std::vector<std::uint32_t> data;  ///< a word a lane; 0 in lanes without an element
  /// Where the elements lie in their tensor, from `first` on; null where nobody needs to know.
  std::shared_ptr<const std::vector<std::uint64_t>> index = {};
  std::uint32_t first = 0;

  /// Equal as the hardware sees it: the index is ours.
  friend bool operator==(const StreamBeat& a, const StreamBeat& b) {
    return a.elements == b.elements && a.last == b.last && a.data == b.data;
  }
};

/// One block of the front end, clock by clock: pruner, quantizer or compactor. The models of this
/// folder and the Verilated RTL are used through it alike. What it shows (ready, output) depends on
/// its registers alone, so that blocks of both kinds can stand in a row.
class StreamBlock {
 public:
  /// Outputs: the first of every block; the compactor's bitmap is its first, its codes the second.
  static constexpr std::size_t kOutputs = 2;
  static constexpr std::size_t kMain = 0;
  static constexpr std::size_t kCodes = 1;
  /// What settles_within() is of hardware with the registers of rtl/stream_stage.sv (an operand and
  /// a buffer), and of rtl/compactor.sv (bits and codes apart, and a flush behind the last codes).
  static constexpr Cycles kStageSettles = 2;
  static constexpr Cycles kCompactorSettles = 4;

  StreamBlock() = default;
  StreamBlock(const StreamBlock&) = delete;
  StreamBlock& operator=(const StreamBlock&) = delete;
  virtual ~StreamBlock() = default;

  /// Empties the block before a product and tells it threshold, format, scale and seeds, and how
  /// many lanes a beat has. `work` outlives the product. UserError where it cannot do that work.
  virtual void reset(const GemmWork& work, std::uint32_t lanes) = 0;
  /// It takes a beat in this cycle.
  [[nodiscard]] virtual bool ready() const = 0;
  /// The beat offered in this cycle, or null; it stays until the clock.
  [[nodiscard]] virtual const StreamBeat* output(std::size_t port) const = 0;
  /// So many cycles after its last handshake, its inputs and receivers staying as they are, none of
  /// its registers changes any more.
  [[nodiscard]] virtual Cycles settles_within() const = 0;
  /// The edge that ends cycle `now` of the product. input: the beat offered to it, or null; it is
  /// taken if the block is ready. taken: whether the receivers of its outputs are ready. Called for
  /// the last block of the row first: `input` is still what was there before the edge.
  virtual void clock(Cycles now, const StreamBeat* input,
                     const std::array<bool, kOutputs>& taken) = 0;
};

/// The three blocks; null is the model of this folder.
struct FrontEndBlocks {
  std::unique_ptr<StreamBlock> pruner = {};
  std::unique_ptr<StreamBlock> quantizer = {};
  std::unique_ptr<StreamBlock> compactor = {};
};

}  // namespace gradpath
