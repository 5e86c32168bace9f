#include "models/sparse/tensordash.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kDepth = 3;  // rows in the staging buffer

struct Choice {
  std::size_t ahead;
  std::uint32_t lane_shift;  // added to the lane, mod 16
};
constexpr std::array<Choice, 8> kChoices{
    {{0, 0}, {1, 15}, {1, 0}, {1, 1}, {1, 3}, {2, 14}, {2, 0}, {2, 2}}};

// Level after level; inside a level no two lanes can reach the same place, so order is free there.
constexpr std::array<std::uint32_t, kTensorDashLanes> kLaneOrder{0,  5, 10, 1,  6, 11, 2,  7,
                                                                 12, 3, 8,  13, 4, 9,  14, 15};

using Staging = std::array<std::uint16_t, kDepth>;

/// One cycle of one stream: removes what the lanes take and returns how many rows are empty from
/// the front on.
std::size_t schedule(Staging& staging) {
  for (const std::uint32_t lane : kLaneOrder) {
    for (const Choice& choice : kChoices) {
      const auto place =
          static_cast<std::uint16_t>(1u << ((lane + choice.lane_shift) % kTensorDashLanes));
      if ((staging[choice.ahead] & place) == 0) continue;
      staging[choice.ahead] = static_cast<std::uint16_t>(staging[choice.ahead] & ~place);
      break;
    }
  }
  std::size_t empty = 0;
  while (empty < kDepth && staging[empty] == 0) ++empty;
  return empty;
}

}  // namespace

std::uint64_t tensordash_cycles(std::span<const std::span<const std::uint16_t>> streams) {
  if (streams.empty()) return 0;
  const std::size_t length = streams.front().size();
  std::vector<Staging> staging(streams.size());
  for (std::size_t s = 0; s < streams.size(); ++s) {
    if (streams[s].size() != length) {
      throw std::invalid_argument("tensordash_cycles: streams differ in length");
    }
    for (std::size_t d = 0; d < kDepth; ++d) staging[s][d] = d < length ? streams[s][d] : 0;
  }
  std::uint64_t cycles = 0;
  for (std::size_t at = 0; at < length; ++cycles) {
    std::size_t advance = kDepth;
    for (Staging& rows : staging) advance = std::min(advance, schedule(rows));
    at += advance;
    for (std::size_t s = 0; s < streams.size(); ++s) {
      for (std::size_t d = 0; d < kDepth; ++d) {
        const std::size_t row = at + d;
        staging[s][d] = d + advance < kDepth ? staging[s][d + advance]
                        : row < length       ? streams[s][row]
                                             : std::uint16_t{0};
      }
    }
  }
  return cycles;
}

std::uint64_t tensordash_cycles(const SparsePanel& panel) {
  const std::size_t steps = (panel.extent + kTensorDashLanes - 1) / kTensorDashLanes;
  std::vector<std::uint16_t> words(panel.rows * steps, 0);
  std::vector<std::span<const std::uint16_t>> streams;
  for (std::size_t r = 0; r < panel.rows; ++r) {
    for (std::size_t i = panel.row_begin[r]; i < panel.row_begin[r + 1]; ++i) {
      std::uint16_t& word = words[r * steps + panel.offsets[i] / kTensorDashLanes];
      word = static_cast<std::uint16_t>(word | (1u << (panel.offsets[i] % kTensorDashLanes)));
    }
    streams.push_back(std::span(words).subspan(r * steps, steps));
  }
  return tensordash_cycles(streams);
}

namespace {

/// Each element multiplies 16 positions of k a cycle, so a row of C multipliers has C / 16 of them.
/// Lookahead does not reach over a cut of k.
class TensorDashDispatch : public Dispatch {
 public:
  [[nodiscard]] std::string name() const override { return "tensordash"; }
  [[nodiscard]] std::uint32_t tile_columns(std::uint32_t array_columns) const override {
    if (array_columns % kTensorDashLanes == 0) return array_columns / kTensorDashLanes;
    throw UserError(
        fmt::format("dispatch tensordash with {} array columns, expected a multiple of 16: its "
                    "elements have 16 lanes each",
                    array_columns));
  }
  [[nodiscard]] std::uint32_t k_granule() const override { return kTensorDashLanes; }
  [[nodiscard]] Schedule schedule(const SparsePanel& block, const ArrayShape&) const override {
    return {.cycles = tensordash_cycles(block), .products = block.nonzeros()};
  }
};

}  // namespace

DispatchPtr make_tensordash_dispatch(const Parameters& /*parameters*/) {
  return std::make_shared<TensorDashDispatch>();
}

}  // namespace gradpath
