#include "sim/datapath/replay/checks.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace gradpath {
namespace {

void require_equal(std::string_view what, std::uint64_t found, std::uint64_t expected) {
  if (found == expected) return;
  throw SimulationFault(fmt::format("{}: {} instead of {}", what, found, expected));
}

const ModuleStats& module(const GemmRun& run, std::string_view name) {
  const auto found = std::find_if(run.modules.begin(), run.modules.end(),
                                  [&](const ModuleStats& m) { return m.module == name; });
  if (found == run.modules.end()) throw SimulationFault(fmt::format("no module {}", name));
  return *found;
}

std::uint64_t gradient_zeros(const GemmWork& work) {
  std::uint64_t zeros = 0;
  for (std::uint64_t row = 0; row < work.demand.m; ++row) {
    for (std::uint64_t k = 0; k < work.demand.k; ++k) {
      zeros += work.gradient.values[work.gradient.index(row, k)] == 0.0f ? 1U : 0U;
    }
  }
  return zeros;
}

void check_elements(const GemmRun& run, const GemmPlan& plan, const GemmWork& work) {
  const ModuleStats& dma = module(run, "gradient_dma");
  const ModuleStats& pruner = module(run, "pruner");
  const ModuleStats& quantizer = module(run, "quantizer");
  const ModuleStats& compactor = module(run, "compactor");
  const ModuleStats& buffer = module(run, "gradient_buffer");
  const ModuleStats& array = module(run, "mac_array");
  const ModuleStats& accumulator = module(run, "accumulator");
  const ModuleStats& write_back = module(run, "write_back");

  require_equal("gradient elements fetched", dma.elements_out, plan.demand.m * plan.demand.k);
  require_equal("elements into the pruner", pruner.elements_in, dma.elements_out);
  require_equal("elements into the quantizer", quantizer.elements_in, pruner.elements_out);
  require_equal("elements into the compactor", compactor.elements_in, quantizer.elements_out);
  require_equal("elements through the compactor", compactor.elements_out + compactor.dropped,
                compactor.elements_in);
  require_equal("zeros dropped", compactor.dropped,
                gradient_zeros(work) + pruner.zeroed + quantizer.zeroed);
  require_equal("elements into the buffer", buffer.elements_in, compactor.elements_out);
  require_equal("elements through the buffer", buffer.elements_out, buffer.elements_in);
  require_equal("elements into the array", array.elements_in, buffer.elements_out);
  require_equal("sums into the accumulator", accumulator.elements_in, array.elements_out);
  require_equal("sums of all passes", array.elements_out,
                plan.demand.m * plan.demand.n * plan.chunks);
  require_equal("sums out of the accumulator", accumulator.elements_out,
                plan.demand.m * plan.demand.n);
  require_equal("sums written back", write_back.elements_out, accumulator.elements_out);
  for (const ModuleStats* stage : {&pruner, &quantizer, &compactor, &buffer}) {
    require_equal(fmt::format("beats through {}", stage->module), stage->beats, dma.beats);
  }
}

void check_bytes(const GemmRun& run, const GemmPlan& plan) {
  require_equal("bytes read from DRAM", run.dram_bytes_read, plan.dram_read_bytes());
  require_equal("bytes written to DRAM", run.dram_bytes_written, plan.dram_write_bytes());
  require_equal("gradient bytes", module(run, "gradient_dma").bytes_in, plan.demand.gradient_bytes);
  require_equal("bytes into the buffer", module(run, "gradient_buffer").bytes_in,
                module(run, "compactor").bytes_out);
  require_equal("bytes into the array", module(run, "mac_array").bytes_in,
                module(run, "gradient_buffer").bytes_out + module(run, "operand_dma").bytes_out);
  require_equal("output bytes", module(run, "write_back").bytes_out, plan.demand.output_bytes);
}

}  // namespace

void check_run(const GemmRun& run, const GemmPlan& plan, const Dispatch& dispatch,
               const GemmWork& work) {
  for (const ModuleStats& m : run.modules) {
    require_equal(fmt::format("cycles of {}", m.module),
                  m.busy + m.stalled_in + m.stalled_out + m.idle, run.cycles);
  }
  check_elements(run, plan, work);
  check_bytes(run, plan);
  require_equal("passes", run.passes, plan.passes());
  const std::uint64_t factors = dispatch.skips() ? run.nonzeros : plan.demand.m * plan.demand.k;
  if (!dispatch.is_two_sided() || run.macs > factors * plan.demand.n) {
    require_equal("multiplications", run.macs, factors * plan.demand.n);
  }
}

}  // namespace gradpath
