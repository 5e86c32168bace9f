#pragma once

namespace gradpath::theory {

// Closed forms of stochastic pruning (arXiv 2006.08173) for lognormal |x|. `sigma` > 0 is the
// standard deviation of ln|x| (nats); u = (ln alpha - mu) / sigma is the threshold in standard
// units, so alpha = exp(mu + sigma u). Good to about 1e-12 relative for sigma from 1e-12 to 1e3.

/// Expected fraction of zeros: S(u) = Phi(u) - exp(sigma^2/2 - sigma u) Phi(u - sigma), the mean of
/// 1 - |x|/alpha over |x| < alpha. By symmetry S(-u) is the mean of 1 - c/|x| over |x| above
/// c = exp(mu + sigma u): what clipping at c costs in relative error.
[[nodiscard]] double pruned_fraction(double u, double sigma);
/// 1 - S(u), without cancellation where S is near 1.
[[nodiscard]] double kept_fraction(double u, double sigma);
/// Expected fraction emitted as exactly +-alpha: exp(sigma^2/2 - sigma u) Phi(u - sigma).
[[nodiscard]] double promoted_fraction(double u, double sigma);

/// The u at which S(u) = sparsity. 0 < sparsity < 1, sigma > 0 and finite; else
/// std::domain_error.
[[nodiscard]] double standard_threshold(double sparsity, double sigma);

/// Cosine of x and its pruned self: [exp(u sigma - 1.5 sigma^2) Phi(u - sigma) +
/// Phi(2 sigma - u)]^(-1/2). Exact zeros in the tensor do not change it.
[[nodiscard]] double pruning_cosine(double u, double sigma);
/// The u at which pruning_cosine(u, sigma) = cosine. 0 < cosine < 1, sigma > 0 and finite; else
/// std::domain_error.
[[nodiscard]] double threshold_of_cosine(double cosine, double sigma);
/// Cosine if instead the largest (1 - sparsity) of the elements are kept:
/// sqrt(Phi(2 sigma - Phi^-1(sparsity))). 0 < sparsity < 1, else std::domain_error.
[[nodiscard]] double topk_cosine(double sparsity, double sigma);
/// The fraction of zeros at which topk_cosine is `cosine`: Phi(2 sigma - Phi^-1(cosine^2)).
/// 0 < cosine < 1, else std::domain_error.
[[nodiscard]] double topk_sparsity(double cosine, double sigma);

}  // namespace gradpath::theory
