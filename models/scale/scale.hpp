#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/format/format.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// What a per-tensor scale is computed from: over the finite elements of a tensor.
struct ScaleStatistics {
  double amax = 0;          ///< largest |x|
  double expected_max = 0;  ///< of the lognormal fit; read by `expected_max` alone
};

/// A per-tensor scaling rule: the value is multiplied by the scale, cast and divided by it again.
struct ScalePolicy {
  enum class Kind : std::uint8_t {
    none,          ///< 1
    fixed,         ///< `value`
    amax,          ///< max_finite / amax
    amax_po2,      ///< 2^floor(log2(max_finite / amax))
    expected_max,  ///< amax_po2 of the lognormal fit's expected maximum (arXiv 2006.08173)
  };
  Kind kind = Kind::none;
  float value = 1.0f;

  friend bool operator==(const ScalePolicy&, const ScalePolicy&) = default;
};

/// Reads `none`, a positive finite number, `amax`, `amax-po2` or `expected-max`; else UserError.
/// (In scaling.cpp, where the names of all scalings stand.)
[[nodiscard]] ScalePolicy parse_scale(std::string_view text);
[[nodiscard]] std::string scale_name(const ScalePolicy& policy);
[[nodiscard]] const Grammar& scale_grammar();

/// The scale of a tensor: a positive normal fp32; powers of two are kept in 2^-126..2^127.
/// 1 where the statistic is zero or not finite.
[[nodiscard]] float resolve_scale(const ScalePolicy& policy, const Format& format,
                                  const ScaleStatistics& statistics);

}  // namespace gradpath
