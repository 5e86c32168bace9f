#include "sim/datapath/stages/mac_array.hpp"

#include <algorithm>
#include <utility>

#include "models/mac/gemm.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kValueColumns = 16;

}  // namespace

void MacArray::run() {
  macs_ = 0;
  passes_ = 0;
  Chunk chunk;
  SparsePanel block;
  Cycles dispatched = 0;
  OperandRows rows_of_b;
  std::vector<float> scratch;
  // Passes of a few columns have their values made together: as many columns as one loop holds.
  const std::uint64_t strip = std::max(kValueColumns / plan().columns, 1U) * plan().columns;
  std::shared_ptr<std::vector<float>> sums;  // of a panel, all of its columns
  plan().walk(nullptr, [&](const Pass& pass) {
    if (pass.loads_a) {
      chunk = take(chunks);
      block = decode_panel(*chunk.runs, pass.rows, pass.depth, *work().quantizer);
      dispatched = pass_cycles(context().dispatch, block);
      stats_.elements_in += chunk.nonzeros;
      stats_.bytes_in += chunk.bytes;
      if (work().sink != nullptr) {
        rows_of_b = work().operand->read(static_cast<std::int64_t>(pass.k), pass.depth, scratch);
        if (pass.begins_sums) {
          sums = std::make_shared<std::vector<float>>(pass.rows * plan().demand.n, 0.0f);
        }
      }
    }
    if (pass.loads_b) stats_.bytes_in += take(operands).bytes;
    if (sums != nullptr && pass.n % strip == 0) {
      const std::size_t columns = std::min<std::uint64_t>(strip, plan().demand.n - pass.n);
      accumulate_block(block, {rows_of_b.data + pass.n, rows_of_b.stride}, columns,
                       sums->data() + pass.n, plan().demand.n);
    }
    macs_ += pass_macs(context().dispatch, block) * pass.columns;
    ++passes_;
    // Each pass reads its blocks of A and B from their buffers again.
    stats_.sram_bytes += chunk.bytes + (std::uint64_t{pass.depth} * pass.columns *
                                            static_cast<std::uint64_t>(plan().demand.operand_bits) +
                                        7) /
                                           8;
    spend(context().config->dataflow->cycles(pass, *context().config, dispatched));
    stats_.elements_out += pass.sums();
    stats_.bytes_out += pass.sums() * sizeof(float);
    give(out, ResultTile{.elements = pass.sums(),
                         .panel_values = pass.ends_panel ? std::exchange(sums, nullptr) : nullptr});
    if (pass.drops_a) give(free_banks, chunk.bank);
  });
}

}  // namespace gradpath
