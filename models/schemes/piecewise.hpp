#pragma once

namespace gradpath::schemes {

/// The breakpoint of piecewise linear quantization in standard deviations, for a zero-mean
/// distribution clipped at m standard deviations: the p in (0, m) that minimises
/// (m - p)^2 + m (2p - m) (2F(p) - 1). m > 0. Source: arXiv 2002.00104.
[[nodiscard]] double piecewise_breakpoint(double m, bool is_laplace);

}  // namespace gradpath::schemes
