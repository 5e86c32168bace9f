#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/round/random.hpp"
#include "sim/verify/banks/stages/stages.hpp"

namespace gradpath::verify {

/// What a stage takes with a beat: a pruner's threshold (fp32 bits), a quantizer's scale exponent.
struct StageSetting {
  std::uint32_t alpha = 0;
  int scale_exponent = 0;
};

/// One reset's worth of beats for a streaming module, and what must come out.
struct StreamScript {
  std::string name;  ///< for the report of a mismatch
  std::vector<std::uint32_t> seeds;
  std::vector<StageSetting> settings;  ///< with each beat
  std::vector<Beat> inputs;
  std::vector<std::uint32_t> words;  ///< inputs.size() * lanes, for the report
  std::vector<Beat> expected;
};

/// What a script is made from: `values` fill the lanes in order.
struct StreamInput {
  std::string name;
  std::span<const float> values;  ///< as the module sees them
  StageSetting setting = {};
  /// That of some of the beats, one or several in a row.
  std::optional<StageSetting> other = {};
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
