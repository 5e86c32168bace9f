#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sim/datapath/stats.hpp"

namespace gradpath {

struct DatapathConfig;
struct Pass;

/// What stays in the array while the rest goes by, and how long a pass holds it.
struct Dataflow {
  enum class Holds : std::uint8_t {
    sums,     ///< a tile of D [R, C]: R rows of A against C columns of B, one position of k after
              ///< the other
    operand,  ///< a block of B [R, C]: R positions of k and C columns; rows of A stream past it
  };
  std::string_view name;
  std::string_view help;
  Holds holds;
  bool skips;  ///< zeros of A can be skipped
  /// Cycles of a pass on the array. dispatched: what its positions of k take under the machine's
  /// dispatch; the block's depth where the dataflow cannot skip.
  Cycles (*cycles)(const Pass& pass, const DatapathConfig& config, Cycles dispatched);
};

/// The dataflows that there are. One more is a row, and a function for its passes' time.
[[nodiscard]] std::span<const Dataflow> dataflows();
/// `output-stationary, weight-stationary, ...`: what help texts list.
[[nodiscard]] std::string dataflow_names();
/// The row of that name; UserError names them all.
[[nodiscard]] const Dataflow& find_dataflow(std::string_view name);

}  // namespace gradpath
