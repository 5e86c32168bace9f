#pragma once

#include <memory>

#include "sim/datapath/config.hpp"
#include "sim/datapath/dataflow/work.hpp"
#include "sim/datapath/front_end/stream_block.hpp"
#include "sim/datapath/stats.hpp"
#include "sim/datapath/timeline.hpp"

namespace gradpath {

/// The SystemC model, elaborated once and fed product after product. Several may live in one
/// process, each in a simulation context of its own; not from several threads at a time.
class Datapath {
 public:
  /// blocks: what takes the place of the front end's models. UserError if the configuration is not
  /// valid.
  explicit Datapath(const DatapathConfig& config, FrontEndBlocks blocks = {});
  Datapath(const Datapath&) = delete;
  Datapath& operator=(const Datapath&) = delete;
  ~Datapath();

  [[nodiscard]] const DatapathConfig& config() const;

  /// Runs one product to its end. Each run starts with empty buffers and ends when the last byte is
  /// written. dispatch: instead of the configuration's, for the dense comparison.
  /// Throws what a stage threw (UserError: a NaN without a code), or SimulationFault on a deadlock,
  /// with the fill of every FIFO, or when a check fails; the object is of no use after that.
  [[nodiscard]] GemmRun run(const GemmWork& work, const Dispatch& dispatch);
  [[nodiscard]] GemmRun run(const GemmWork& work) { return run(work, *config().dispatch); }

  /// Records busy intervals from now on; null stops it.
  void set_timeline(Timeline* timeline);
  [[nodiscard]] Timeline* timeline() const;

 private:
  struct Design;
  std::unique_ptr<Design> design_;
};

}  // namespace gradpath
