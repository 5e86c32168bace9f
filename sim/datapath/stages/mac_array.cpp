#include "sim/datapath/stages/mac_array.hpp"

#include <algorithm>
#include <utility>

#include "models/mac/gemm.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kValueColumns = 16;

}  // namespace

/// The rows of B that meet a block of A.
OperandRows MacArray::read_operand(const Pass& pass) {
  const DenseOperand& operand = *work().operand;
  const std::span<const std::uint32_t> order = work().gradient.k_order;
  if (order.empty()) {
    return operand.read(static_cast<std::int64_t>(pass.k), pass.depth, operand_scratch_);
  }
  const auto n = static_cast<std::size_t>(operand.columns());
  operand_scratch_.resize(pass.depth * n);
  std::vector<float> scratch;
  for (std::size_t i = 0; i < pass.depth; ++i) {
    const OperandRows row = operand.read(order[pass.k + i], 1, scratch);
    std::copy_n(row.data, n, operand_scratch_.data() + i * n);
  }
  return {operand_scratch_.data(), n};
}

void MacArray::run() {
  macs_ = 0;
  passes_ = 0;
  const Dispatch& dispatch = *context().dispatch;
  const std::uint64_t n = plan().demand.n;
  // Passes of a few columns have their values made together: as many columns as one loop holds.
  const std::uint64_t strip = std::max(kValueColumns / plan().columns, 1U) * plan().columns;
  ArrayShape array{.rows = context().config->array_rows,
                   .mixes_rows = context().config->mixes_rows};
  Chunk chunk;
  SparsePanel block;
  Schedule schedule;
  OperandRows operand;
  std::shared_ptr<std::vector<float>> sums;  // of a panel, all of its columns
  plan().walk(nullptr, [&](const Pass& pass) {
    if (pass.loads_a) {
      chunk = take(chunks);
      if (now() < chunk.ready) stall_until(chunk.ready);
      block = decode_panel(*chunk.runs, pass.rows, pass.depth, *work().quantizer);
      stats_.elements_in += chunk.nonzeros;
      stats_.bytes_in += chunk.bytes;
      if (work().operand != nullptr) operand = read_operand(pass);
      if (!dispatch.is_two_sided()) schedule = dispatch.schedule(block, array);
      if (pass.begins_sums && work().sink != nullptr) {
        sums = std::make_shared<std::vector<float>>(pass.rows * n, 0.0f);
      }
    }
    if (pass.loads_b) stats_.bytes_in += take(operands).bytes;
    if (dispatch.is_two_sided()) {
      array.operand = operand.data + pass.n;
      array.operand_stride = operand.stride;
      array.columns = pass.columns;
      schedule = dispatch.schedule(block, array);
    }
    if (sums != nullptr && pass.n % strip == 0) {
      const std::size_t columns = std::min(strip, n - pass.n);
      add_scheduled(block, schedule, {operand.data + pass.n, operand.stride}, columns,
                    sums->data() + pass.n, n);
    }
    macs_ += schedule.products * (dispatch.is_two_sided() ? 1 : pass.columns);
    ++passes_;
    // Each pass reads its blocks of A and B from their buffers again.
    stats_.sram_bytes += chunk.bytes + (std::uint64_t{pass.depth} * pass.columns *
                                            static_cast<std::uint64_t>(plan().demand.operand_bits) +
                                        7) /
                                           8;
    spend(context().config->dataflow->cycles(pass, *context().config, schedule.cycles));
    stats_.elements_out += pass.sums();
    stats_.bytes_out += pass.sums() * sizeof(float);
    give(out, ResultTile{.elements = pass.sums(),
                         .panel_values = pass.ends_panel ? std::exchange(sums, nullptr) : nullptr});
    if (pass.drops_a) give(free_banks, chunk.bank);
  });
}

}  // namespace gradpath
