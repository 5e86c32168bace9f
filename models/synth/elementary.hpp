#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace gradpath::synth {

// exp, ln and the normal quantile from additions, multiplications, divisions and square roots
// alone: the same bits on every machine, which the C library does not promise. Inlined, so that
// loops over them run as vectors where they have no branch.

/// exp(x), x within [-700, 700]; about 1e-15 relative.
[[nodiscard]] inline double exponential(double x) {
  constexpr double kShift = 0x1.8p52;  // adding it rounds to an integer in the low bits
  constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 40 bits, so that k times it is exact
  constexpr double kLn2Low = 0x1.ef35793c76730p-45;
  const double shifted = x * std::numbers::log2e + kShift;
  const double k = shifted - kShift;
  const double r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= ln 2 / 2
  double sum = 1.0 / 6227020800.0;                    // Taylor to r^13
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) + 1023;
  return sum * std::bit_cast<double>(exponent << 52);
}

/// ln(x), x positive and normal; about 1e-15 relative away from 1, 1e-16 absolute near it.
[[nodiscard]] inline double logarithm(double x) {
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdu;  // the significand goes to [0.7, 1.4]
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto k = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
  const auto m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(k) << 52));
  const double f = (m - 1.0) / (m + 1.0);  // ln m = 2 artanh f, |f| <= 0.172
  const double g = f * f;
  double sum = 1.0 / 19.0;
  sum = sum * g + 1.0 / 17.0;
  sum = sum * g + 1.0 / 15.0;
  sum = sum * g + 1.0 / 13.0;
  sum = sum * g + 1.0 / 11.0;
  sum = sum * g + 1.0 / 9.0;
  sum = sum * g + 1.0 / 7.0;
  sum = sum * g + 1.0 / 5.0;
  sum = sum * g + 1.0 / 3.0;
  return static_cast<double>(k) * std::numbers::ln2 + 2.0 * (f + f * g * sum);
}

// The standard normal quantile, z with P(Z > z) = tail, 0 < tail <= 1/2; about 1e-15 relative.
// Source: Wichura, algorithm AS 241 (PPND16), Applied Statistics 37 (1988).

/// The smallest tail that central_normal_quantile holds for.
inline constexpr double kSmallestCentralTail = 0.075;

/// kSmallestCentralTail <= tail <= 1/2; elsewhere some number. No branch.
[[nodiscard]] inline double central_normal_quantile(double tail) {
  const double q = 0.5 - tail;
  const double r = 0.180625 - q * q;
  const double numerator = (((((((2.5090809287301226727e+3 * r + 3.3430575583588128105e+4) * r +
                                 6.7265770927008700853e+4) *
                                    r +
                                4.5921953931549871457e+4) *
                                   r +
                               1.3731693765509461125e+4) *
                                  r +
                              1.9715909503065514427e+3) *
                                 r +
                             1.3314166789178437745e+2) *
                                r +
                            3.3871328727963666080e+0);
  const double denominator = (((((((5.2264952788528545610e+3 * r + 2.8729085735721942674e+4) * r +
                                   3.9307895800092710610e+4) *
                                      r +
                                  2.1213794301586595867e+4) *
                                     r +
                                 5.3941960214247511077e+3) *
                                    r +
                                6.8718700749205790830e+2) *
                                   r +
                               4.2313330701600911252e+1) *
                                  r +
                              1.0);
  return q * numerator / denominator;
}

/// 0 < tail < kSmallestCentralTail.
[[nodiscard]] inline double far_normal_quantile(double tail) {
  double r = std::sqrt(-logarithm(tail));
  if (r <= 5.0) {
    r -= 1.6;
    const double numerator = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r +
                                   2.41780725177450611770e-1) *
                                      r +
                                  1.27045825245236838258e+0) *
                                     r +
                                 3.64784832476320460504e+0) *
                                    r +
                                5.76949722146069140550e+0) *
                                   r +
                               4.63033784615654529590e+0) *
                                  r +
                              1.42343711074968357734e+0);
    const double denominator =
        (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r +
              1.51986665636164571966e-2) *
                 r +
             1.48103976427480074590e-1) *
                r +
            6.89767334985100004550e-1) *
               r +
           1.67638483018380384940e+0) *
              r +
          2.05319162663775882187e+0) *
             r +
         1.0);
    return numerator / denominator;
  }
  r -= 5.0;
  const double numerator = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r +
                                 1.24266094738807843860e-3) *
                                    r +
                                2.65321895265761230930e-2) *
                                   r +
                               2.96560571828504891230e-1) *
                                  r +
                              1.78482653991729133580e+0) *
                                 r +
                             5.46378491116411436990e+0) *
                                r +
                            6.65790464350110377720e+0);
  const double denominator =
      (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r +
            1.84631831751005468180e-5) *
               r +
           7.86869131145613259100e-4) *
              r +
          1.48753612908506148525e-2) *
             r +
         1.36929880922735805310e-1) *
            r +
        5.99832206555887937690e-1) *
           r +
       1.0);
  return numerator / denominator;
}

}  // namespace gradpath::synth
