#include "models/sparse/dispatch.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/sparse/tensordash.hpp"

namespace gradpath {

Dispatch parse_dispatch(std::string_view text) {
  if (text == "dense") return {.kind = Dispatch::Kind::dense};
  if (text == "tensordash") return {.kind = Dispatch::Kind::tensordash};
  if (text == "row-skip") return {};
  constexpr std::string_view kPrefix = "row-skip:";
  if (text.starts_with(kPrefix)) {
    const std::string_view number = text.substr(kPrefix.size());
    Dispatch dispatch;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), dispatch.window);
    if (error == std::errc{} && end == number.data() + number.size() && dispatch.window >= 1 &&
        dispatch.window <= (1u << 20)) {
      return dispatch;
    }
    throw UserError(
        fmt::format("dispatch '{}': the window is '{}', expected 1 to 1048576, as in "
                    "row-skip:64",
                    text, number));
  }
  throw UserError(
      fmt::format("unknown dispatch '{}', expected dense, row-skip:L or tensordash", text));
}

std::string dispatch_name(const Dispatch& dispatch) {
  switch (dispatch.kind) {
    case Dispatch::Kind::dense:
      return "dense";
    case Dispatch::Kind::tensordash:
      return "tensordash";
    case Dispatch::Kind::row_skip:
      break;
  }
  return fmt::format("row-skip:{}", dispatch.window);
}

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
