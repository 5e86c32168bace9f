#include "sim/datapath/dataflow/plan.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/sparse/packed_codes.hpp"

namespace gradpath {
namespace {

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Element i's stretch when `total` is cut into pieces of `size`.
std::uint32_t piece(std::uint64_t total, std::uint64_t size, std::uint64_t i) {
  return static_cast<std::uint32_t>(std::min(size, total - i * size));
}

}  // namespace

std::uint32_t GemmPlan::panel_rows(std::uint64_t panel) const {
  return piece(demand.m, rows, panel);
}
std::uint32_t GemmPlan::chunk_extent(std::uint64_t chunk) const {
  return piece(demand.k, chunk_length, chunk);
}
std::uint32_t GemmPlan::tile_columns(std::uint64_t tile) const {
  return piece(demand.n, tile_width, tile);
}
std::uint64_t GemmPlan::bursts(std::uint64_t elements) const {
  return ceil_div(elements, burst_elements);
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
  GemmPlan plan;
  plan.demand = demand;
  plan.rows = config.array_rows;
  plan.tile_width = gradpath::tile_columns(dispatch, config.array_columns);
  plan.panels = ceil_div(demand.m, plan.rows);
  plan.tiles = ceil_div(demand.n, plan.tile_width);
  plan.burst_elements = config.lanes * config.burst_beats;
  plan.operand_resident = demand.operand_bytes <= config.operand_buffer_bytes;

  // The bank must hold a chunk even if none of it is zero. Whole bytes of bitmap and codes.
  const std::uint64_t bank = config.gradient_buffer_bytes / 2;
  const auto bits = static_cast<std::uint64_t>(demand.gradient_bits);
  const std::uint64_t panel_height = std::min<std::uint64_t>(plan.rows, demand.m);
  std::uint64_t length = bank <= 2 ? 0 : (bank - 2) * 8 / (panel_height * (1 + bits));
  if (!plan.operand_resident) {
    // Three slices of the operand: in use, waiting, on its way.
    const std::uint64_t column_bits = 3 * std::min<std::uint64_t>(plan.tile_width, demand.n) *
                                      static_cast<std::uint64_t>(demand.operand_bits);
    length = std::min(length, config.operand_buffer_bytes * 8 / column_bits);
  }
  // A chunk's elements are counted in 32 bits.
  length = std::min(length, (std::uint64_t{1} << 31) / panel_height);
  if (length < demand.k) {
    const std::uint64_t granule = k_granule(dispatch);
    length -= length % granule;
    if (length == 0) {
      throw UserError(
          fmt::format("--gradient-buffer-bytes {} and --operand-buffer-bytes {} cannot hold {} "
                      "positions of k for the array ({} rows, tiles of {} columns); enlarge them",
                      config.gradient_buffer_bytes, config.operand_buffer_bytes, granule, plan.rows,
                      plan.tile_width));
    }
  }
  plan.chunk_length =
      static_cast<std::uint32_t>(std::min({length, demand.k, std::uint64_t{1} << 24}));
  plan.chunks = ceil_div(demand.k, plan.chunk_length);
  plan.partial_sums_spill =
      plan.chunks > 1 && panel_height * demand.n * sizeof(float) > config.accumulator_buffer_bytes;
  return plan;
}

}  // namespace gradpath
