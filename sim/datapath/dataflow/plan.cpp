#include "sim/datapath/dataflow/plan.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/datapath/dataflow/dataflow.hpp"

namespace gradpath {
namespace {

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Elements of A that a bank holds even if none of them is zero: whole bytes of bitmap and codes.
/// They are counted in 32 bits.
std::uint64_t bank_elements(const DatapathConfig& config, int code_bits) {
  const std::uint64_t bank = config.gradient_buffer_bytes / 2;
  const auto bits = static_cast<std::uint64_t>(1 + code_bits);
  return std::min(bank <= 2 ? 0 : (bank - 2) * 8 / bits, std::uint64_t{1} << 31);
}

/// Positions of k of which the operand buffer holds three slices: in use, waiting, on its way.
std::uint64_t slice_depth(const GemmPlan& plan, const DatapathConfig& config) {
  if (plan.operand_resident) return plan.demand.k;
  return config.operand_buffer_bytes * 8 /
         (3 * std::min<std::uint64_t>(plan.columns, plan.demand.n) *
          static_cast<std::uint64_t>(plan.demand.operand_bits));
}

}  // namespace

Pass GemmPlan::pass(std::uint64_t i) const {
  const std::uint64_t tile = i % tiles;
  const std::uint64_t chunk = i / tiles % chunks;
  const std::uint64_t panel = i / tiles / chunks;
  const auto piece = [](std::uint64_t total, std::uint32_t size, std::uint64_t at) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(size, total - at));
  };
  Pass pass{.m = panel * rows, .k = chunk * depth, .n = tile * columns};
  pass.rows = piece(demand.m, rows, pass.m);
  pass.depth = piece(demand.k, depth, pass.k);
  pass.columns = piece(demand.n, columns, pass.n);
  pass.loads_a = tile == 0;
  pass.drops_a = tile + 1 == tiles;
  pass.loads_b = panel == 0 || !operand_resident;
  pass.begins_sums = chunk == 0;
  pass.ends_sums = chunk + 1 == chunks;
  pass.ends_panel = pass.ends_sums && pass.drops_a;
  pass.b_bytes = share(demand.operand_bytes, i % (chunks * tiles), chunks * tiles);
  pass.d_bytes = share(demand.output_bytes, panel * tiles + tile, panels * tiles);
  return pass;
}

std::uint64_t GemmPlan::dram_read_bytes() const {
  // Spilled sums: each chunk but the first reads what each but the last has written.
  const std::uint64_t spilled =
      partial_sums_spill ? (chunks - 1) * demand.m * demand.n * sizeof(float) : 0;
  return demand.gradient_bytes + demand.operand_bytes * (operand_resident ? 1 : panels) + spilled;
}

std::uint64_t GemmPlan::dram_write_bytes() const {
  const std::uint64_t spilled =
      partial_sums_spill ? (chunks - 1) * demand.m * demand.n * sizeof(float) : 0;
  return demand.output_bytes + spilled;
}

GemmPlan make_plan(const GemmDemand& demand, const DatapathConfig& config,
                   const Dispatch& dispatch) {
  if (demand.m == 0 || demand.n == 0 || demand.k == 0) {
    throw std::invalid_argument("make_plan: empty product");
  }
  GemmPlan plan{.demand = demand};
  plan.columns = dispatch.tile_columns(config.array_columns);
  plan.burst_elements = config.lanes * config.burst_beats;
  plan.operand_resident = demand.operand_bytes <= config.operand_buffer_bytes;
  const std::uint64_t elements = bank_elements(config, demand.gradient_bits);
  const std::uint64_t granule = dispatch.k_granule();
  std::uint64_t rows = config.array_rows;
  std::uint64_t depth = 0;
  switch (config.dataflow->holds) {
    case Dataflow::Holds::sums:
      depth = std::min(elements / std::min(rows, demand.m), slice_depth(plan, config));
      if (depth < demand.k) depth -= depth % granule;
      break;
    case Dataflow::Holds::operand:
      // R positions of k are held; as many rows of A as a bank takes stream past them.
      depth = std::min<std::uint64_t>(config.array_rows, demand.k);
      rows = std::min({elements / depth, demand.m, std::uint64_t{1} << 24});
      if (rows == 0 || slice_depth(plan, config) < depth) depth = 0;
      break;
  }
  if (depth == 0) {
    throw UserError(
        fmt::format("`gradient-buffer-bytes` {} and `operand-buffer-bytes` {} cannot hold {} "
                    "positions of k for the array ({} rows, tiles of {} columns); enlarge them",
                    config.gradient_buffer_bytes, config.operand_buffer_bytes, granule,
                    config.array_rows, plan.columns));
  }
  plan.rows = static_cast<std::uint32_t>(rows);
  plan.depth = static_cast<std::uint32_t>(std::min({depth, demand.k, std::uint64_t{1} << 24}));
  plan.panels = ceil_div(demand.m, plan.rows);
  plan.chunks = ceil_div(demand.k, plan.depth);
  plan.tiles = ceil_div(demand.n, plan.columns);
  const std::uint64_t panel_sums = std::min<std::uint64_t>(plan.rows, demand.m) * demand.n;
  plan.partial_sums_spill =
      plan.chunks > 1 && panel_sums * sizeof(float) > config.accumulator_buffer_bytes;
  return plan;
}

}  // namespace gradpath
