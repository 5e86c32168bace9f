#pragma once

namespace gradpath::theory {

// The mean relative error E[|q - x| / |x|] of casting lognormal |x| to an exponent/mantissa split,
// as arXiv 2006.08173 lays it out: n2 exponent bits and n1 mantissa bits, 2^n2 binades around the
// median, that is the codes 2^e (1 + k / 2^n1) for e from -E to E - 1, E = 2^(n2 - 1), in units of
// the median. Below 2^-E everything becomes zero, above the largest code everything becomes it,
// between two codes the nearer is taken. `sigma_log2` > 0 is the standard deviation of log2|x|.

/// A split: 1 to 8 exponent bits, 0 to 23 mantissa bits; the sign is the remaining bit.
struct Split {
  int exponent_bits = 1;
  int mantissa_bits = 0;
  friend bool operator==(const Split&, const Split&) = default;
};
inline constexpr int kMostExponentBits = 8;
inline constexpr int kMostMantissaBits = 23;

/// The smooth approximation: a uniform 1 / (8 ln 2 2^n1) inside [2^-E, 2^E], the tails outside:
/// with t = E / sigma_log2 and s = sigma_log2 ln 2,
/// (2 Phi(t) - 1) / (8 ln 2 2^n1) + 2 Phi(-t) - 2^E exp(s^2 / 2) Phi(-t - s).
/// std::domain_error outside the ranges above. About 1e-12 relative.
[[nodiscard]] double split_error_smooth(double sigma_log2, Split split);

/// The sum over the code book: every half cell's partial moment. std::domain_error outside the
/// ranges above. About 1e-12 relative for sigma_log2 from 1e-6 to 1e4; up to some 10^6 terms, most
/// for 23 mantissa bits and a small sigma.
[[nodiscard]] double split_error_exact(double sigma_log2, Split split);

}  // namespace gradpath::theory
