#include "models/prune/measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include "models/stats/sum.hpp"

namespace gradpath {

PruneMeasure measure_pruning(std::span<const float> before, std::span<const float> after) {
  if (before.size() != after.size()) {
    throw std::invalid_argument("measure_pruning: sizes of before and after differ");
  }
  // Plain sums within a block, compensated across them: the error stays at a few roundings.
  constexpr std::size_t kBlock = 1024;
  PruneMeasure measure;
  std::uint64_t finite = 0;
  CompensatedSum products;
  CompensatedSum squares_before;
  CompensatedSum squares_after;
  CompensatedSum squared_errors;
  CompensatedSum magnitudes;
  CompensatedSum growth;
  for (std::size_t begin = 0; begin < before.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, before.size());
    double xy = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    double ee = 0.0;
    double aa = 0.0;
    double gg = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      measure.zeros_before += before[i] == 0.0f ? 1u : 0u;
      measure.zeros_after += after[i] == 0.0f ? 1u : 0u;
      if (!std::isfinite(before[i]) || !std::isfinite(after[i])) continue;
      ++finite;
      const double x = before[i];
      const double y = after[i];
      xy += x * y;
      xx += x * x;
      yy += y * y;
      ee += (y - x) * (y - x);
      aa += std::abs(x);
      gg += std::copysign(1.0, x) * (y - x);
    }
    products.add(xy);
    squares_before.add(xx);
    squares_after.add(yy);
    squared_errors.add(ee);
    magnitudes.add(aa);
    growth.add(gg);
  }
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  // Roots first: the product of two sums of squares near the top of fp32 is fine in double, near
  // its bottom it is not.
  const double norms = std::sqrt(squares_before.value()) * std::sqrt(squares_after.value());
  measure.cosine = norms > 0.0 ? products.value() / norms : kUndefined;
  measure.mse = finite > 0 ? squared_errors.value() / static_cast<double>(finite) : kUndefined;
  const double sum = magnitudes.value();
  measure.bias = sum > 0.0 ? growth.value() / sum : kUndefined;
  measure.bias_error = sum > 0.0 ? std::sqrt(squared_errors.value()) / sum : kUndefined;
  return measure;
}

}  // namespace gradpath
