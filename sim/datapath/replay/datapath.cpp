#include "sim/datapath/replay/datapath.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/datapath/replay/checks.hpp"
#include "sim/datapath/replay/design.hpp"
#include "sim/datapath/sanitizer_stack.hpp"

/// The SystemC library's own main() calls this; we have a main() of our own and start the kernel
/// ourselves, but the library does not link without it.
int sc_main(int /*argc*/, char* /*argv*/[]) { return 1; }

namespace gradpath {
namespace {

/// SystemC keeps its kernel in a global pointer. While this object lives, the pointer is ours.
class ContextScope {
 public:
  explicit ContextScope(sc_core::sc_simcontext* context)
      : current_(sc_core::sc_curr_simcontext), default_(sc_core::sc_default_global_context) {
    sc_core::sc_curr_simcontext = context;
    sc_core::sc_default_global_context = context;
  }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() {
    sc_core::sc_curr_simcontext = current_;
    sc_core::sc_default_global_context = default_;
  }

 private:
  sc_core::sc_simcontext* current_;
  sc_core::sc_simcontext* default_;
};

}  // namespace

struct Datapath::Design {
  Design(const DatapathConfig& configuration, FrontEndBlocks blocks) : config(configuration) {
    validate(config);
    context.config = &config;
    const ContextScope scope(kernel.get());
    stages.emplace(config, context, std::move(blocks));
  }
  Design(const Design&) = delete;
  Design& operator=(const Design&) = delete;
  ~Design() {
    const ContextScope scope(kernel.get());
    stages.reset();
    kernel.reset();  // asks for the current context: inside the scope
  }

  DatapathConfig config;
  std::unique_ptr<sc_core::sc_simcontext> kernel = std::make_unique<sc_core::sc_simcontext>();
  RunContext context;
  std::optional<Stages> stages;
  bool elaborated = false;
};

Datapath::Datapath(const DatapathConfig& config, FrontEndBlocks blocks)
    : design_(std::make_unique<Design>(config, std::move(blocks))) {}
Datapath::~Datapath() = default;

const DatapathConfig& Datapath::config() const { return design_->config; }
void Datapath::set_timeline(Timeline* timeline) { design_->context.timeline = timeline; }
Timeline* Datapath::timeline() const { return design_->context.timeline; }

GemmRun Datapath::run(const GemmWork& work, const Dispatch& dispatch) {
  const ContextScope scope(design_->kernel.get());
  RunContext& context = design_->context;
  Stages& stages = *design_->stages;
  context.work = &work;
  context.dispatch = &dispatch;
  context.plan = make_plan(work.demand, design_->config, dispatch);
  stages.dram.reset(design_->config.dram_bytes_per_cycle);
  for (Stage* stage : stages.all) stage->reset();
  if (!design_->elaborated) {
    // Elaborates, and runs the processes up to their wait for the start.
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    design_->elaborated = true;
  }

  stages.start.notify(sc_core::SC_ZERO_TIME);
  // Returns when nothing is left to happen: the work is done, or the design is stuck.
  sc_core::sc_start();
  restore_sanitizer_stack();

  if (context.error != nullptr) std::rethrow_exception(context.error);
  Cycles cycles = 0;
  for (const Stage* stage : stages.all) {
    if (!stage->finished()) {
      throw SimulationFault(fmt::format("deadlock: {} waits for ever; FIFO fill: {}",
                                        stage->basename(), stages.fifo_fill()));
    }
    cycles = std::max(cycles, stage->finish_cycle());
  }

  GemmRun run{.cycles = cycles,
              .macs = stages.mac_array.macs(),
              .nonzeros = 0,
              .passes = stages.mac_array.passes(),
              .drained_sums = 0,
              .dram_bytes_read = 0,
              .dram_bytes_written = 0,
              .modules = {}};
  run.modules.push_back(stages.dram.stats(cycles));
  for (const Stage* stage : stages.all) stage->append_stats(cycles, run.modules);
  run.dram_bytes_read = run.modules.front().bytes_out;
  run.dram_bytes_written = run.modules.front().bytes_in;
  run.drained_sums = stages.mac_array.stats(cycles).elements_out;
  run.nonzeros = stages.mac_array.stats(cycles).elements_in;
  check_run(run, context.plan, dispatch, work);
  return run;
}

}  // namespace gradpath
