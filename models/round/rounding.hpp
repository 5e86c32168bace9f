#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gradpath {

/// How a value between two neighbours of a format is decided.
struct Rounding {
  enum class Mode : std::uint8_t {
    rne,  ///< to nearest, ties to the even code
    rna,  ///< to nearest, ties away from zero
    rtz,  ///< toward zero
    rup,  ///< toward +infinity
    rdn,  ///< toward -infinity
    rto,  ///< to the odd code if inexact (von Neumann)
    sr,   ///< stochastic: up where the top `random_bits` fraction bits + random word carry out
    sru,  ///< stochastic without the bias of few bits: the fraction is rounded to them, not cut
  };
  Mode mode = Mode::rne;
  int random_bits = 24;  ///< R of `sr` and `sru`, 1..32; no meaning elsewhere

  friend bool operator==(const Rounding&, const Rounding&) = default;
  [[nodiscard]] constexpr bool is_stochastic() const {
    return mode == Mode::sr || mode == Mode::sru;
  }
};

/// Reads `rne`, `rna`, `rtz`, `rup`, `rdn`, `rto`, `sr[:R]` or `sru[:R]`; UserError otherwise.
[[nodiscard]] Rounding parse_rounding(std::string_view text);
/// The name parse_rounding reads back; `sr:24` for the default.
[[nodiscard]] std::string rounding_name(const Rounding& rounding);

/// What happens to a magnitude that rounds past the largest finite (docs/numerics.md, overflow).
enum class Overflow : std::uint8_t {
  standard,  ///< infinity, else NaN, else the largest finite: what the format has
  saturate,  ///< the largest finite, also for an infinity
};
[[nodiscard]] Overflow parse_overflow(std::string_view text);
[[nodiscard]] std::string_view overflow_name(Overflow overflow);

/// Which subnormals become zero (of their sign).
enum class Flush : std::uint8_t {
  none,
  input,   ///< inputs below fp32's smallest normal, after the scale
  output,  ///< results below the format's smallest normal
  both,
};
[[nodiscard]] Flush parse_flush(std::string_view text);
[[nodiscard]] std::string_view flush_name(Flush flush);
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

}  // namespace gradpath
