#pragma once

#include "sim/datapath/dataflow/plan.hpp"
#include "sim/datapath/dataflow/work.hpp"
#include "sim/datapath/stats.hpp"

namespace gradpath {

/// After every run: each module's cycles add up to the total; the elements, beats and bytes that
/// leave a module are those that enter the next, and the ends agree with the plan; every zero that
/// the compactor dropped was in the gradient, or was made by the pruner or the quantizer.
/// SimulationFault names the first that fails.
void check_run(const GemmRun& run, const GemmPlan& plan, const Dispatch& dispatch,
               const GemmWork& work);

}  // namespace gradpath
