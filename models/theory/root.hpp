#pragma once

#include <cmath>

namespace gradpath::theory {

struct ValueAndSlope {
  double value;
  double slope;
};

/// The root of an increasing function on the whole line: Newton's steps inside a bracket, bisection
/// where a step would leave it (also where the function is infinite). `function(x)` gives value and
/// slope. Ends when the bracket or a step is below one rounding of x, or after 200 steps.
template <class Function>
[[nodiscard]] double increasing_root(Function function) {
  double low = -1.0;
  double high = 1.0;
  while (function(low).value > 0.0) low *= 2.0;
  while (function(high).value < 0.0) high *= 2.0;
  double x = 0.5 * (low + high);
  for (int step = 0; step < 200; ++step) {
    const ValueAndSlope at = function(x);
    if (at.value == 0.0) return x;
    (at.value < 0.0 ? low : high) = x;
    double next = x - at.value / at.slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - x) <= 1e-16 * std::abs(x) || next == low || next == high) return next;
    x = next;
  }
  return x;
}

}  // namespace gradpath::theory
