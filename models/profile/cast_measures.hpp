#pragma once

#include <cstdint>
#include <span>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/round/random.hpp"
#include "models/scale/block_layout.hpp"
#include "models/scale/block_quantizer.hpp"

namespace gradpath {

/// What a cast does to a tensor: q the value after the cast (divided by the scale again), x before.
/// Errors are over the elements that are finite before and after; docs/profile.md has the formulas.
struct CastMeasures {
  std::uint64_t numel = 0;
  double zeros = 0;  ///< results that are zero; under stochastic rounding the expected number
  /// Elements that round past the largest finite, whatever becomes of them, infinities among them.
  double saturated = 0;
  double excluded = 0;             ///< elements not finite before or after: in no measure below
  double mean_relative_error = 0;  ///< mean of |q - x| / |x| over nonzero x; NaN if there is none
  double mse = 0;                  ///< mean of (q - x)^2; NaN if there is no element
  double cosine = 0;   ///< sum qx / sqrt(sum q^2 sum x^2); NaN if either side is all zero
  double sqnr_db = 0;  ///< 10 log10(sum x^2 / sum (q - x)^2); infinity without error
  double bias = 0;     ///< mean of q - x
  /// Mean of the variance of q over the rounding's random words, (E[q^2] - E[q]^2) of each element;
  /// 0 where rounding draws none. Of a pruned tensor: given what pruning left.
  double variance = 0;

  [[nodiscard]] double zero_fraction() const { return zeros / static_cast<double>(numel); }
  [[nodiscard]] double saturated_fraction() const { return saturated / static_cast<double>(numel); }
  [[nodiscard]] double excluded_fraction() const { return excluded / static_cast<double>(numel); }
};

/// The sums that measures are made of; x^2 and so on are over the elements not excluded.
struct CastSums {
  std::uint64_t numel = 0;
  double included = 0;
  double included_nonzero = 0;
  double zeros = 0;
  double saturated = 0;
  double squared_error = 0;
  double relative_error = 0;
  double error = 0;
  double qx = 0;
  double qq = 0;
  double xx = 0;
  double variance = 0;

  /// Adds the sums of other elements.
  void add(const CastSums& other);
};
[[nodiscard]] CastMeasures measures_of(const CastSums& sums);

/// The measures by brute force: casts every element with the bulk kernels and compares.
/// input: what is cast, e.g. after pruning; reference: what the result is compared with; equal
/// sizes. The random word of element i is random.word(i). A NaN without a code becomes zero: it is
/// excluded anyway.
[[nodiscard]] CastMeasures measure_by_casting(const Format& format, CastOptions options,
                                              float scale, std::span<const float> input,
                                              std::span<const float> reference,
                                              CounterRandom random);
/// The same of a cast by blocks (models/scale/block_quantizer.hpp); UserError as BlockQuantizer.
[[nodiscard]] CastMeasures measure_by_casting(const Format& format, CastOptions options,
                                              const BlockScaling& scaling,
                                              const BlockLayout& layout,
                                              std::span<const float> input,
                                              std::span<const float> reference,
                                              CounterRandom random);

}  // namespace gradpath
