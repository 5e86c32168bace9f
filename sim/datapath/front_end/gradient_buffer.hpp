#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "sim/datapath/front_end/stream_block.hpp"
#include "sim/datapath/stages/tokens.hpp"
#include "sim/datapath/stats.hpp"

namespace gradpath {

/// The gradient SRAM: two banks of one chunk each. Takes a beat of bits and one of codes a cycle,
/// while the array reads the other bank; the array returns a bank when it is through with it. The
/// last codes of a chunk may come beside the first bits of the next.
class GradientBuffer {
 public:
  /// Empties it before a product of chunks of so many elements. bank_bytes: what one bank holds.
  void begin(std::vector<std::uint64_t> chunks, int code_bits, std::uint64_t bank_bytes);

  /// The next chunk's bits have no bank to go to.
  [[nodiscard]] bool wants_bank() const;
  void give_bank(int bank);
  [[nodiscard]] bool bitmap_ready() const;
  [[nodiscard]] bool codes_ready() const;
  void take_bitmap(const StreamBeat& beat);
  void take_codes(const StreamBeat& beat);
  /// A chunk that became full. SimulationFault if it is not what was announced.
  [[nodiscard]] std::optional<Chunk> full_chunk();
  /// All chunks of the product were full.
  [[nodiscard]] bool finished() const { return chunks_full_ == chunks_.size(); }

  /// Counters of elements, beats and bytes.
  [[nodiscard]] const ModuleStats& stats() const { return stats_; }

 private:
  struct Filling {
    int bank = 0;
    PackedCodes packed;
    bool has_bits = false;   ///< all of them
    bool has_codes = false;  ///< all of them
  };
  [[nodiscard]] Filling* filling_codes();

  std::vector<std::uint64_t> chunks_;  ///< elements of each
  int code_bits_ = 8;
  std::uint64_t bank_bytes_ = 0;
  std::deque<Filling> fillings_;
  std::uint64_t chunks_begun_ = 0;
  std::uint64_t chunks_full_ = 0;
  ModuleStats stats_;
};

}  // namespace gradpath
