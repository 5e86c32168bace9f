#pragma once

#include <cstdint>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"

namespace gradpath {

/// How a value becomes a code, apart from the format.
struct CastOptions {
  Rounding rounding = {};
  Overflow overflow = Overflow::standard;
  NanPolicy nan = NanPolicy::error;
  Flush flush = Flush::none;

  friend bool operator==(const CastOptions&, const CastOptions&) = default;
};

/// The value of a code; infinities and quiet NaN for the codes that stand for them. Exact: every
/// format here has at most 24 significant bits. `code` must be below format.code_count().
[[nodiscard]] double decode(const Format& format, Code code);

/// The largest finite value.
[[nodiscard]] double max_finite(const Format& format);
/// The smallest normal value; NaN if the format has no normal numbers.
[[nodiscard]] double min_normal(const Format& format);
/// The smallest positive subnormal value; NaN if there is none.
[[nodiscard]] double min_subnormal(const Format& format);

/// The definition of a cast: finds the two neighbours of |x| on the format's grid, continued past
/// the largest finite as if the exponent had no end, decides between them, then treats overflow
/// (docs/numerics.md, "Casting"). Slow and meant to be read; `Quantizer` equals it bit for bit.
/// random_word: used by stochastic rounding alone, which takes its top R bits.
/// Throws std::domain_error on a NaN that has no code under NanPolicy::error.
[[nodiscard]] Code encode(const Format& format, const CastOptions& options, double x,
                          std::uint32_t random_word = 0);

}  // namespace gradpath
