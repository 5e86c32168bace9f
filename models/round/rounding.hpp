#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "models/specification/grammar.hpp"

namespace gradpath {

/// How a value between two neighbours of a format is decided.
struct Rounding {
  enum class Mode : std::uint8_t { rne, rna, rtz, rup, rdn, rto, sr, sru };
  Mode mode = Mode::rne;
  int random_bits = 24;  ///< R of `sr` and `sru`, 1..32; no meaning elsewhere

  friend bool operator==(const Rounding&, const Rounding&) = default;
  [[nodiscard]] constexpr bool is_stochastic() const;
};

/// What is known of a rounding besides its arithmetic.
struct RoundingRow {
  enum class Direction : std::uint8_t { nearest, zero, up, down, odd, random };
  std::string_view name = {};
  Direction direction = Direction::nearest;
  std::string_view help = {};
};

/// The table of roundings: a new mode is a case here, or this does not compile.
[[nodiscard]] constexpr RoundingRow rounding_row(Rounding::Mode mode) {
  using enum Rounding::Mode;
  using enum RoundingRow::Direction;
  switch (mode) {
    case rne:
      return {"rne", nearest, "to nearest, ties to the even code"};
    case rna:
      return {"rna", nearest, "to nearest, ties away from zero"};
    case rtz:
      return {"rtz", zero, "toward zero"};
    case rup:
      return {"rup", up, "toward +infinity"};
    case rdn:
      return {"rdn", down, "toward -infinity"};
    case rto:
      return {"rto", odd, "to the odd code if inexact (von Neumann)"};
    case sr:
      return {"sr", random, "stochastic: up where R fraction bits + R random bits carry out"};
    case sru:
      return {"sru", random,
              "stochastic without the bias of few bits: the fraction is rounded to R, not cut"};
  }
  return {};
}

constexpr bool Rounding::is_stochastic() const {
  return rounding_row(mode).direction == RoundingRow::Direction::random;
}

/// Whether a magnitude of this sign never grows, so that a finite one never overflows.
[[nodiscard]] constexpr bool rounds_toward_zero(Rounding::Mode mode, bool negative) {
  const auto direction = rounding_row(mode).direction;
  return direction == RoundingRow::Direction::zero ||
         direction == (negative ? RoundingRow::Direction::up : RoundingRow::Direction::down);
}

/// The definition of the deterministic roundings: whether a magnitude between two neighbours goes
/// to the larger. is_odd: the code of the smaller is; half: the magnitude compared with the middle.
/// Without meaning for the stochastic ones.
[[nodiscard]] constexpr bool rounds_up(Rounding::Mode mode, bool negative, bool is_odd,
                                       std::partial_ordering half) {
  using enum Rounding::Mode;
  switch (mode) {
    case rne:
      return half > 0 || (half == 0 && is_odd);
    case rna:
      return half >= 0;
    case rtz:
      return false;
    case rup:
      return !negative;
    case rdn:
      return negative;
    case rto:
      return !is_odd;
    case sr:
    case sru:
      break;
  }
  return false;
}

/// Reads `rne`, `rna`, `rtz`, `rup`, `rdn`, `rto`, `sr[:R]` or `sru[:R]`; UserError otherwise.
[[nodiscard]] Rounding parse_rounding(std::string_view text);
/// The name parse_rounding reads back; `sr:24` for the default.
[[nodiscard]] std::string rounding_name(const Rounding& rounding);
[[nodiscard]] const Grammar& rounding_grammar();

/// What happens to a magnitude that rounds past the largest finite (docs/numerics.md, overflow).
enum class Overflow : std::uint8_t {
  standard,  ///< infinity, else NaN, else the largest finite: what the format has
  saturate,  ///< the largest finite, also for an infinity
};
[[nodiscard]] Overflow parse_overflow(std::string_view text);
[[nodiscard]] std::string_view overflow_name(Overflow overflow);
[[nodiscard]] const Grammar& overflow_grammar();

/// Which subnormals become zero (of their sign).
enum class Flush : std::uint8_t {
  none,
  input,   ///< inputs below fp32's smallest normal, after the scale
  output,  ///< results below the format's smallest normal
  both,
};
[[nodiscard]] Flush parse_flush(std::string_view text);
[[nodiscard]] std::string_view flush_name(Flush flush);
[[nodiscard]] const Grammar& flush_grammar();
[[nodiscard]] constexpr bool flushes_input(Flush flush) {
  return flush == Flush::input || flush == Flush::both;
}
[[nodiscard]] constexpr bool flushes_output(Flush flush) {
  return flush == Flush::output || flush == Flush::both;
}

/// What a NaN becomes in a format that has none.
enum class NanPolicy : std::uint8_t {
  error,  ///< std::domain_error
  zero,
  max,  ///< the largest finite, with the NaN's sign
};
[[nodiscard]] NanPolicy parse_nan_policy(std::string_view text);
[[nodiscard]] const Grammar& nan_policy_grammar();

}  // namespace gradpath
