#pragma once

namespace gradpath::schemes {

/// ACIQ's clipping value in units of the Laplace scale b: the c that minimises the mean square
/// error of 2^bits equal steps over [-c, c], which solves c e^c = 3 * 4^bits (2.83, 3.90, 5.03 for
/// 2, 3, 4 bits). bits: 1..16. Source: arXiv 1810.05723.
[[nodiscard]] double aciq_laplace_clip(int bits);
/// The same in standard deviations of a normal distribution: 1.71, 2.15, 2.56.
[[nodiscard]] double aciq_gauss_clip(int bits);

}  // namespace gradpath::schemes
