#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "models/sparse/sparse_panel.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// What the array does with a block of A in a pass.
struct Schedule {
  std::uint64_t cycles = 0;
  std::uint64_t products = 0;  ///< multiplications for one column of B; for all where both skip
  /// Sums that are added up when the pass is drained, for each of the block's: sum r is made of the
  /// rows r * partials, r * partials + 1, ... of `order`, in that order; of 1 the block is its own
  /// order, which then is left empty.
  std::uint32_t partials = 1;
  SparsePanel order = {};  ///< nonzeros in the order in which they are added
};

/// What a schedule depends on beside the block of A.
struct ArrayShape {
  std::uint32_t rows = 16;         ///< R; a block may have fewer
  bool mixes_rows = false;         ///< rows that share are chosen by their nonzeros
  const float* operand = nullptr;  ///< the pass's block of B, where zeros of both are skipped
  std::size_t operand_stride = 0;
  std::size_t columns = 0;
};

/// How an array of R x C multipliers uses the zeros of its sparse operand.
class Dispatch {
 public:
  Dispatch() = default;
  Dispatch(const Dispatch&) = default;
  Dispatch& operator=(const Dispatch&) = default;
  virtual ~Dispatch() = default;

  /// As parse_dispatch reads it.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Zeros cost no multiplication.
  [[nodiscard]] virtual bool skips() const { return true; }
  /// Zeros of B neither: each pass has a schedule of its own.
  [[nodiscard]] virtual bool is_two_sided() const { return false; }
  /// Groups of rows share their work.
  [[nodiscard]] virtual bool shares() const { return false; }
  /// Rows of the array whose sums can leave it at once, where no one says how many do: each group
  /// that shares has the adders that its partial sums need.
  [[nodiscard]] virtual std::uint32_t drained_rows(std::uint32_t /*array_rows*/) const { return 1; }
  /// Columns of the result that one pass of the array covers. UserError where the array's do not
  /// suit.
  [[nodiscard]] virtual std::uint32_t tile_columns(std::uint32_t array_columns) const {
    return array_columns;
  }
  /// Stretches of k are cut at multiples of this, so that windows stay whole.
  [[nodiscard]] virtual std::uint32_t k_granule() const { return 1; }
  [[nodiscard]] virtual Schedule schedule(const SparsePanel& block,
                                          const ArrayShape& array) const = 0;
};
using DispatchPtr = std::shared_ptr<const Dispatch>;

/// Reads what dispatch_grammar() has rows for: `dense`, `row-skip:64`, ...; else UserError.
[[nodiscard]] DispatchPtr parse_dispatch(std::string_view text);
[[nodiscard]] const Grammar& dispatch_grammar();

// One a file of that name; one more is one more, and its row in dispatch.cpp.
[[nodiscard]] DispatchPtr make_dense_dispatch(const Parameters& parameters);
[[nodiscard]] DispatchPtr make_row_skip_dispatch(const Parameters& parameters);
[[nodiscard]] DispatchPtr make_tensordash_dispatch(const Parameters& parameters);
[[nodiscard]] DispatchPtr make_share_dispatch(const Parameters& parameters);
[[nodiscard]] DispatchPtr make_nm_dispatch(const Parameters& parameters);
[[nodiscard]] DispatchPtr make_two_sided_dispatch(const Parameters& parameters);

}  // namespace gradpath
