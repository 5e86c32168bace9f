#pragma once

#include <span>

#include "models/format/format.hpp"
#include "models/scale/log_moments.hpp"

namespace gradpath {

/// S2FP8's transform ahead of a cast (Cambier et al. 2020, arXiv 2001.05674): |y| = 2^beta
/// |x|^alpha, of the sign of x. With mu and m the mean and the largest log2|x| of a tensor,
///   alpha = emax / (m - mu),  beta = -alpha mu:
/// the mean goes to 1, the largest to 2^emax, the format's top binade (e5m2: 2^15).
struct ShiftSqueeze {
  float alpha = 1.0f;  ///< the squeeze, > 0
  float beta = 0.0f;   ///< the shift, in octaves

  friend bool operator==(const ShiftSqueeze&, const ShiftSqueeze&) = default;
};

/// The transform of a tensor, alpha and beta rounded to fp32. All magnitudes equal: alpha 1 (and
/// |y| = 1); no finite nonzero: alpha 1, beta 0. UserError if emax < 1: the top binade has to lie
/// above the mean's.
[[nodiscard]] ShiftSqueeze shift_squeeze(const Format& format, const LogMoments& moments);

/// y of each x, in double (log2, exp2), rounded once to fp32. Zeros, infinities and NaNs stay.
/// in, out: the same size; may be the same memory.
void apply(const ShiftSqueeze& transform, std::span<const float> in, std::span<float> out);
/// The inverse: |x| = 2^((log2|y| - beta) / alpha), rounded once to fp32.
void undo(const ShiftSqueeze& transform, std::span<const float> in, std::span<float> out);

}  // namespace gradpath
