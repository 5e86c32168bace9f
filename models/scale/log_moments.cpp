#include "models/scale/log_moments.hpp"

#include <algorithm>
#include <cmath>

#include "models/stats/sum.hpp"

namespace gradpath {
namespace {

constexpr double kOctavesBelowOne = 3;  // where the scaled mean lies

}  // namespace

void LogMoments::merge(const LogMoments& other) {
  nonzeros += other.nonzeros;
  sum_log2 += other.sum_log2;
  amax = std::max(amax, other.amax);
}

LogMoments log_moments(std::span<const float> values) {
  LogMoments moments;
  CompensatedSum sum;
  for (const float x : values) {
    const double magnitude = std::abs(double{x});
    if (!(magnitude > 0) || std::isinf(magnitude)) continue;
    sum.add(std::log2(magnitude));
    moments.amax = std::max(moments.amax, magnitude);
    ++moments.nonzeros;
  }
  moments.sum_log2 = sum.value();
  return moments;
}

float mean_log_scale(const LogMoments& moments) {
  if (moments.nonzeros == 0) return 1.0f;
  const double exponent = std::nearbyint(-moments.mean_log2()) - kOctavesBelowOne;
  return std::ldexp(1.0f, static_cast<int>(std::clamp(exponent, -126.0, 127.0)));
}

}  // namespace gradpath
