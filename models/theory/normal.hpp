#pragma once

namespace gradpath::theory {

/// Density of the standard normal distribution.
[[nodiscard]] double normal_density(double z);
/// Phi(z), in the lower tail to full relative precision until it underflows near z = -38.
[[nodiscard]] double normal_cdf(double z);
/// ln Phi(z) for any z, to full relative precision at both ends.
[[nodiscard]] double normal_log_cdf(double z);
/// Phi(z) / density(z), which has neither the underflow nor the cancellation of its two halves.
/// For z <= 0 (Mills' ratio of -z); beyond it grows like exp(z^2 / 2).
[[nodiscard]] double mills_ratio(double z);
/// Phi^-1(p), 0 < p < 1; else std::domain_error.
[[nodiscard]] double normal_quantile(double p);

}  // namespace gradpath::theory
