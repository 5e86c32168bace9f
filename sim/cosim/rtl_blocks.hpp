#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/datapath/config.hpp"
#include "sim/datapath/front_end/stream_block.hpp"
#include "sim/datapath/replay/layer_replay.hpp"

namespace gradpath::cli {

/// Verilated modules as blocks of the datapath's front end: `replay --rtl`.
class RtlBlocks {
 public:
  /// modules: of pruner, quantizer, compactor; prunes: whether a threshold above 0 can come.
  /// UserError on another name, or if a module was not built for the lanes, the format and the
  /// cast, naming those that were, or needs words that only --random lanes gives.
  RtlBlocks(const std::vector<std::string>& modules, const ReplayNumerics& numerics,
            const DatapathConfig& config, bool prunes);
  RtlBlocks(const RtlBlocks&) = delete;
  RtlBlocks& operator=(const RtlBlocks&) = delete;
  ~RtlBlocks();

  /// The blocks, once; the modules that were not chosen are null. They do not outlive this object.
  [[nodiscard]] FrontEndBlocks take();

  /// Writes an FST waveform of all that follows to a file, until end_trace().
  void trace(const std::string& path);
  void end_trace();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace gradpath::cli
