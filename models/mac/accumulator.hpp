#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "models/format/format.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// How tensor cores sum a group of products (docs/numerics.md, "Accumulation").
struct FusedGroup {
  int products = 1;       ///< K, 1..32768
  int fraction_bits = 0;  ///< F, 0..35: kept below the largest exponent
  int out_bits = 23;      ///< OUT, 0..23: fraction bits of the running value

  friend bool operator==(const FusedGroup&, const FusedGroup&) = default;
};

/// How the products of a dot product are added up. Comparable; valid if made by parse_accumulator.
struct Accumulator {
  enum class Kind : std::uint8_t {
    rounded,  ///< rounded to `format` after each addition
    chunked,  ///< sums of `chunk` products in `inner`, added in `format`
    fused,    ///< groups aligned, truncated and summed; the running value has `format`
    exact,    ///< one rounding to `format` at the end
  };
  Kind kind = Kind::rounded;
  Format format = {.exponent_bits = 8, .mantissa_bits = 23, .bias = 127};  ///< of the result
  Format inner = {};                                                       ///< chunked only
  std::int64_t chunk = 0;                                                  ///< chunked only, >= 1
  FusedGroup fused = {};                                                   ///< fused only

  friend bool operator==(const Accumulator&, const Accumulator&) = default;
};

/// The accumulators that machines have, by name; `help` is the form each stands for.
[[nodiscard]] std::span<const Form> named_accumulators();

/// Reads a format's name, `exact[:FORMAT]` (default fp32), `chunk:N:INNER:OUTER`, `fused:K:F:OUT`
/// or a name of the table. UserError otherwise; also for formats without sign or zero.
[[nodiscard]] Accumulator parse_accumulator(std::string_view text);
/// The text that parse_accumulator reads back as `accumulator`; never a name of the table.
[[nodiscard]] std::string accumulator_name(const Accumulator& accumulator);
[[nodiscard]] const Grammar& accumulator_grammar();

}  // namespace gradpath
