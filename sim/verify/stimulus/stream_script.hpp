#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/round/random.hpp"
#include "sim/verify/banks/stages/stages.hpp"

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
[[nodiscard]] StreamScript make_script(const Stages::Row& row, const StreamInput& input);

}  // namespace gradpath::verify
