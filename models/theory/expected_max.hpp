#pragma once

namespace gradpath::theory {

/// E[max of n independent |x|] / exp(mu) for lognormal |x|, `sigma` the standard deviation of
/// ln|x|: the integral of n density(z) Phi(z)^(n-1) exp(sigma z). n >= 1 (any real), sigma >= 0,
/// both finite, else std::domain_error. About 1e-12 relative for n to 1e18; infinity above double.
[[nodiscard]] double expected_max(double sigma, double n);

/// exp(sigma sqrt(2 ln n)), what scale rules use (arXiv 2006.08173). An upper bound while sigma is
/// below about sqrt(2 ln n); for few elements or a wide sigma the mean of the maximum passes it (n
/// = 1: exp(sigma^2 / 2) against 1). The same domain.
[[nodiscard]] double expected_max_bound(double sigma, double n);

}  // namespace gradpath::theory
