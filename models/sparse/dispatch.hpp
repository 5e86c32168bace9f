#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/sparse/sparse_panel.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// How an array of R x C multipliers uses the zeros of its sparse operand.
struct Dispatch {
  enum class Kind : std::uint8_t {
    dense,       ///< not at all: one position of k a cycle
    row_skip,    ///< each row compacts its nonzeros inside windows of `window` positions of k
    tensordash,  ///< see tensordash.hpp; C / 16 elements of 16 lanes in a row
  };
  Kind kind = Kind::row_skip;
  std::uint32_t window = 64;  ///< L of `row-skip`, >= 1; no meaning elsewhere

  friend bool operator==(const Dispatch&, const Dispatch&) = default;
};

/// Reads `dense`, `row-skip`, `row-skip:L` or `tensordash`; else UserError.
[[nodiscard]] Dispatch parse_dispatch(std::string_view text);
[[nodiscard]] std::string dispatch_name(const Dispatch& dispatch);
[[nodiscard]] const Grammar& dispatch_grammar();

/// Columns of the result that one pass of the array covers. UserError where `tensordash` meets an
/// array whose columns are not a multiple of 16.
[[nodiscard]] std::uint32_t tile_columns(const Dispatch& dispatch, std::uint32_t array_columns);

/// Stretches of k are cut at multiples of this: windows and rows of lanes stay whole. (TensorDash's
/// lookahead does not reach over a cut.)
[[nodiscard]] std::uint32_t k_granule(const Dispatch& dispatch);

/// Cycles of one pass of the array over the panel. dense: extent; row_skip: over the windows the
/// sum of the fullest row's nonzeros, at least 1 a window; tensordash: its scheduler's cycles.
[[nodiscard]] std::uint64_t pass_cycles(const Dispatch& dispatch, const SparsePanel& panel);

/// Multiplications of one pass for each column of the result: the nonzeros, or every element.
[[nodiscard]] std::uint64_t pass_macs(const Dispatch& dispatch, const SparsePanel& panel);

}  // namespace gradpath
