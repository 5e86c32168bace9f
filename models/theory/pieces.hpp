#pragma once

#include <algorithm>
#include <cmath>

#include <boost/math/quadrature/gauss.hpp>

namespace gradpath::theory {

/// Integral of `f` over [low, high] (0 if low >= high) by Gauss-Legendre rules of 10 points on
/// equal pieces of at most `widest`. To all but the last digits where f is analytic at the scale of
/// some pieces around; used where closed forms would be differences of nearly equal numbers.
template <class Function>
[[nodiscard]] double integral_in_pieces(double low, double high, double widest, Function f) {
  if (!(low < high)) return 0.0;
  const double pieces = std::max(1.0, std::ceil((high - low) / widest));
  const double width = (high - low) / pieces;
  double sum = 0.0;
  for (double i = 0.0; i < pieces; i += 1.0) {
    const double begin = low + i * width;
    sum += boost::math::quadrature::gauss<double, 10>::integrate(f, begin, begin + width);
  }
  return sum;
}

}  // namespace gradpath::theory
