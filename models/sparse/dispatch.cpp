#include "models/sparse/dispatch.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/sparse/tensordash.hpp"

namespace gradpath {

namespace {

using Row = Choice<Dispatch::Kind>;
constexpr std::array<Row, 3> kDispatches = {{
    {{"dense", "zeros are multiplied like all else"}, Dispatch::Kind::dense},
    {{"row-skip",
      "each row skips its zeros inside windows of L positions of k",
      {Parameter::integer("L", "the window", 1, 1 << 20).optional("64")}},
     Dispatch::Kind::row_skip},
    {{"tensordash",
      "16 lanes look ahead two rows and aside for nonzeros",
      {},
      "Mahmoud et al., MICRO 2020"},
     Dispatch::Kind::tensordash},
}};

const Table<Row>& dispatches() {
  static const Table<Row> table("dispatch", kDispatches);
  return table;
}

}  // namespace

Dispatch parse_dispatch(std::string_view text) {
  const auto [row, parameters] = dispatches().parse(text);
  Dispatch dispatch{.kind = row.value};
  if (parameters.has(0)) dispatch.window = static_cast<std::uint32_t>(parameters.integer(0));
  return dispatch;
}

std::string dispatch_name(const Dispatch& dispatch) {
  const std::string name(name_of(dispatches(), dispatch.kind));
  return dispatch.kind == Dispatch::Kind::row_skip ? fmt::format("{}:{}", name, dispatch.window)
                                                   : name;
}

const Grammar& dispatch_grammar() { return dispatches(); }

std::uint32_t tile_columns(const Dispatch& dispatch, std::uint32_t array_columns) {
  if (dispatch.kind != Dispatch::Kind::tensordash) return array_columns;
  if (array_columns % kTensorDashLanes != 0) {
    throw UserError(
        fmt::format("dispatch tensordash with {} array columns, expected a multiple of "
                    "16: its elements have 16 lanes each",
                    array_columns));
  }
  return array_columns / kTensorDashLanes;
}

std::uint32_t k_granule(const Dispatch& dispatch) {
  switch (dispatch.kind) {
    case Dispatch::Kind::dense:
      return 1;
    case Dispatch::Kind::tensordash:
      return kTensorDashLanes;
    case Dispatch::Kind::row_skip:
      break;
  }
  return dispatch.window;
}

namespace {

std::uint64_t row_skip_cycles(const SparsePanel& panel, std::uint32_t window) {
  std::vector<std::uint32_t> fullest((panel.extent + window - 1) / window, 1);
  for (std::size_t r = 0; r < panel.rows; ++r) {
    std::size_t i = panel.row_begin[r];
    while (i < panel.row_begin[r + 1]) {
      const std::uint32_t w = panel.offsets[i] / window;
      std::uint32_t count = 0;
      for (; i < panel.row_begin[r + 1] && panel.offsets[i] / window == w; ++i) ++count;
      fullest[w] = std::max(fullest[w], count);
    }
  }
  std::uint64_t cycles = 0;
  for (const std::uint32_t count : fullest) cycles += count;
  return cycles;
}

}  // namespace

std::uint64_t pass_cycles(const Dispatch& dispatch, const SparsePanel& panel) {
  switch (dispatch.kind) {
    case Dispatch::Kind::dense:
      return panel.extent;
    case Dispatch::Kind::tensordash:
      return tensordash_cycles(panel);
    case Dispatch::Kind::row_skip:
      break;
  }
  return row_skip_cycles(panel, dispatch.window);
}

std::uint64_t pass_macs(const Dispatch& dispatch, const SparsePanel& panel) {
  if (dispatch.kind == Dispatch::Kind::dense) return std::uint64_t{panel.extent} * panel.rows;
  return panel.nonzeros();
}

}  // namespace gradpath
