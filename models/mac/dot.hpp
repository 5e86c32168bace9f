#pragma once

#include <span>

#include "models/format/format.hpp"
#include "models/mac/accumulator.hpp"

namespace gradpath {

/// One side of a dot product: values of `format`, exact in double.
struct Factors {
  Format format;
  std::span<const double> values;
};

/// The definition of a dot product under an accumulator (docs/numerics.md, "Accumulation"):
/// products exact, in the order of k, the sum starting at +0. Slow and meant to be read;
/// LowPrecisionGemm equals it bit for bit. The result is a value of accumulator.format, infinity or
/// NaN (also where the format has no NaN: the caller decides). std::invalid_argument if lengths
/// differ.
[[nodiscard]] double dot(const Accumulator& accumulator, const Factors& a, const Factors& b);

/// sum + addend with one rounding, to nearest even, to `format`; overflow as its standard says.
[[nodiscard]] double add_rounded(const Format& format, double sum, double addend);

/// x rounded to nearest even to `format`; NaN stays NaN even where the format has none.
[[nodiscard]] double round_to_format(const Format& format, double x);

/// The exponent with which a value takes part in an alignment: its own, but that of the smallest
/// normal number for subnormals. x: nonzero, finite.
[[nodiscard]] int alignment_exponent(const Format& format, double x);

/// A result as fp32 (exact for formats in fp32's range). A NaN is 0x7fffffff out of fused groups,
/// as NVIDIA's machines give it, and 0x7fc00000 elsewhere.
[[nodiscard]] float result_as_float(const Accumulator& accumulator, double result);

}  // namespace gradpath
