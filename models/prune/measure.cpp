#include "models/prune/measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace gradpath {

void PruneMeasurer::add(std::span<const float> before, std::span<const float> after) {
  if (before.size() != after.size()) {
    throw std::invalid_argument("PruneMeasurer: sizes of before and after differ");
  }
  numel_ += before.size();
  for (std::size_t begin = 0; begin < before.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, before.size());
    double xy = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    double ee = 0.0;
    double aa = 0.0;
    double gg = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      zeros_before_ += before[i] == 0.0f ? 1u : 0u;
      zeros_after_ += after[i] == 0.0f ? 1u : 0u;
      if (!std::isfinite(before[i]) || !std::isfinite(after[i])) continue;
      ++finite_;
      const double x = before[i];
      const double y = after[i];
      xy += x * y;
      xx += x * x;
      yy += y * y;
      ee += (y - x) * (y - x);
      aa += std::abs(x);
      gg += std::copysign(1.0, x) * (y - x);
    }
    products_.add(xy);
    squares_before_.add(xx);
    squares_after_.add(yy);
    squared_errors_.add(ee);
    magnitudes_.add(aa);
    growth_.add(gg);
  }
}

PruneMeasure PruneMeasurer::result() const {
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  // Roots first: the product of two sums of squares near the top of fp32 is fine in double, near
  // its bottom it is not.
  const double norms = std::sqrt(squares_before_.value()) * std::sqrt(squares_after_.value());
  const double errors = squared_errors_.value();
  const double sum = magnitudes_.value();
  return {.zeros_before = zeros_before_,
          .zeros_after = zeros_after_,
          .cosine = norms > 0.0 ? products_.value() / norms : kUndefined,
          .mse = finite_ > 0 ? errors / static_cast<double>(finite_) : kUndefined,
          .bias = sum > 0.0 ? growth_.value() / sum : kUndefined,
          .bias_error = sum > 0.0 ? std::sqrt(errors) / sum : kUndefined};
}

}  // namespace gradpath
