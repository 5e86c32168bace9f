#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/specification/grammar.hpp"

namespace gradpath {

/// Where the threshold of stochastic pruning comes from.
struct AlphaRule {
  enum class Kind : std::uint8_t {
    exact,      ///< solved on the tensor itself
    lognormal,  ///< closed form from mu and sigma
    histogram,  ///< solved on counts a bucket, `parameter` mantissa bits, 0 to 2
    sample,     ///< solved exactly on `parameter` elements drawn at random
    last_step,  ///< the exact one of the same tensor a step before
  };
  static const AlphaRule exact;
  static const AlphaRule lognormal;
  static const AlphaRule last_step;

  Kind kind = Kind::exact;
  std::uint32_t parameter = 0;

  friend bool operator==(const AlphaRule&, const AlphaRule&) = default;
};
inline constexpr AlphaRule AlphaRule::exact{Kind::exact, 0};
inline constexpr AlphaRule AlphaRule::lognormal{Kind::lognormal, 0};
inline constexpr AlphaRule AlphaRule::last_step{Kind::last_step, 0};

/// Reads `exact`, `lognormal`, `histogram:M`, `sample:N` or `last-step`; UserError otherwise.
[[nodiscard]] AlphaRule parse_alpha_rule(std::string_view text);
[[nodiscard]] std::string alpha_rule_name(const AlphaRule& rule);
[[nodiscard]] const Grammar& alpha_grammar();

}  // namespace gradpath
