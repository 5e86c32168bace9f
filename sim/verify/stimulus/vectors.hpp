#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/prune/threshold_unit.hpp"
#include "models/round/rounding.hpp"

namespace gradpath::verify {

// Inputs that decide: all as fp32 bit patterns, both signs.

/// All 65,536 bf16 values.
[[nodiscard]] std::vector<std::uint32_t> bf16_inputs();
/// Zeros, the ends of the subnormals and normals, magnitudes of a single bit, infinities, NaNs with
/// each single payload bit.
[[nodiscard]] std::vector<std::uint32_t> special_inputs();
/// For a quantizer: every value of the format, every midpoint, the same past the largest finite,
/// and all of them ± 2^k units in the last place for every k; and special_inputs().
[[nodiscard]] std::vector<std::uint32_t> corner_inputs(const Format& format);

/// The random number at which stochastic rounding of x goes up, 1 .. 2^R - 1: 2^R less the first R
/// fraction bits (`sru`: rounded). Any number where none decides: exact values, certain ones,
/// infinities and NaNs.
[[nodiscard]] std::uint32_t step_number(const Format& format, const Rounding& rounding, float x);

/// Thresholds for a pruner, as magnitudes: zero, subnormals, powers of two and their neighbours,
/// the largest finite, and some drawn at random.
[[nodiscard]] std::vector<std::uint32_t> pruner_thresholds(std::uint64_t seed);
/// For a pruner against alpha: alpha ± 0..3 ulp, every distance of exponents from 0 past
/// random_bits + 2 (24 at most) with significands at both ends, around alpha's and at random; and
/// special_inputs().
[[nodiscard]] std::vector<std::uint32_t> pruner_inputs(std::uint32_t alpha, std::uint64_t seed);

/// Of either sign, as dice says: the smallest value that the pruner does not make 0 with this word,
/// or the one below.
[[nodiscard]] float deciding_value(const StochasticPruner& pruner, std::uint32_t word,
                                   std::uint32_t dice);
/// Of x's sign: the smallest value above |x| and within two binades of it that has another code
/// with this word when scaled by 2^scale_exponent, or the one below; x if there is none.
[[nodiscard]] float deciding_value(const Format& format, const CastOptions& options,
                                   int scale_exponent, float x, std::uint32_t word,
                                   std::uint32_t dice);

/// A histogram of a stream of fewer elements is small, its answers quick: what decides seldom, and
/// full counters, can be tried.
inline constexpr std::size_t kSmallHistogram = 1024;
/// The least magnitude in a bucket, as fp32 bits.
[[nodiscard]] std::uint32_t bucket_magnitude(const HistogramThreshold::Config& config, int bucket);
/// A stream of equal magnitudes for a histogram, and zeros to ask of it.
struct HistogramTie {
  std::uint32_t magnitude = 0;  ///< fp32 bits
  std::size_t elements = 0;
  std::uint16_t target = 0;       ///< in 65536ths, with every element but the last
  std::uint16_t last_target = 0;  ///< with the last, which has a beat of its own
};
/// Those streams of up to most_elements, an odd number, in the first binade of which the solver's
/// last comparison meets equality, or misses it by its least unit: surplus a + count (a - low)^2 /
/// (2 width) is -1, 0 or 1 at the last a that it tries.
[[nodiscard]] std::vector<HistogramTie> histogram_ties(const HistogramThreshold::Config& config,
                                                       std::size_t lanes,
                                                       std::size_t most_elements);

}  // namespace gradpath::verify
