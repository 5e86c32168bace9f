#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/round/random.hpp"
#include "sim/verify/result.hpp"
#include "sim/verify/streams.hpp"

namespace gradpath::verify {

/// One reset's worth of beats for a streaming module, and what must come out.
struct StreamScript {
  std::string name;  ///< for the report of a mismatch
  std::vector<std::uint32_t> seeds;
  std::uint32_t alpha = 0;  ///< fp32 bits, of a pruner
  int scale_exponent = 0;   ///< of a quantizer with a scale
  std::vector<Beat> inputs;
  std::vector<std::uint32_t> words;  ///< inputs.size() * lanes, for the report
  std::vector<Beat> expected;
};

/// What a script is made from: `values` fill the lanes in order.
struct StreamInput {
  std::string name;
  std::span<const float> values;  ///< as the module sees them
  std::uint32_t alpha = 0;
  int scale_exponent = 0;
  Seed seed = {};
  bool holes = false;  ///< some lanes of some beats hold no element
  /// Of a pruner: half of the values are the smallest that its lane's random word keeps, or that
  /// below.
  bool decides = false;
  /// Every lane's seed is 1 << seed_bit, 0 for 32; none: from `seed`.
  std::optional<std::uint32_t> seed_bit = {};
};

/// The golden model's beats for a row.
[[nodiscard]] StreamScript make_script(const StreamRow& row, const StreamInput& input);

/// Chances of a stall in a cycle, in 256ths: 0 is full rate. output: or kWaitsForAnOffer.
struct Stalls {
  std::uint32_t input = 0;
  std::uint32_t output = 0;
};

/// Sends a script through a row and compares every element, the order, masks and last flags; at
/// full rate also the number of cycles. Counts into `result`, which also gets failed assertions of
/// the RTL.
void run_script(StreamBank& bank, std::size_t row, const StreamScript& script, Stalls stalls,
                Seed seed, Result& result);

/// Cycles from the acceptance of a beat to the first in which it can be taken (rtl/README.md).
inline constexpr std::uint64_t kLatencyCycles = 2;

}  // namespace gradpath::verify
