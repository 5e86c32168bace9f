#include "models/scale/scale.hpp"

#include <algorithm>
#include <cmath>

#include "models/format/codec.hpp"

namespace gradpath {
namespace {

constexpr int kMinScaleExponent = -126;
constexpr int kMaxScaleExponent = 127;

// floor(log2(numerator / denominator)) of positive finite numbers, exactly: the quotient of the
// significands is compared, not computed.
int floor_log2_of_quotient(double numerator, double denominator) {
  const int exponent = std::ilogb(numerator) - std::ilogb(denominator);
  const double significand_above = std::scalbn(numerator, -std::ilogb(numerator));
  const double significand_below = std::scalbn(denominator, -std::ilogb(denominator));
  return significand_above < significand_below ? exponent - 1 : exponent;
}

float power_of_two_scale(const Format& format, double largest) {
  if (!(largest > 0) || !std::isfinite(largest)) return 1.0f;
  const int exponent = floor_log2_of_quotient(max_finite(format), largest);
  return std::ldexp(1.0f, std::clamp(exponent, kMinScaleExponent, kMaxScaleExponent));
}

float real_scale(const Format& format, double largest) {
  if (!(largest > 0) || !std::isfinite(largest)) return 1.0f;
  return static_cast<float>(std::clamp(max_finite(format) / largest,
                                       std::ldexp(1.0, kMinScaleExponent),
                                       std::ldexp(1.0, kMaxScaleExponent)));
}

}  // namespace

float resolve_scale(const ScalePolicy& policy, const Format& format,
                    const ScaleStatistics& statistics) {
  switch (policy.kind) {
    case ScalePolicy::Kind::none:
      return 1.0f;
    case ScalePolicy::Kind::fixed:
      return policy.value;
    case ScalePolicy::Kind::amax:
      return real_scale(format, statistics.amax);
    case ScalePolicy::Kind::amax_po2:
      return power_of_two_scale(format, statistics.amax);
    case ScalePolicy::Kind::expected_max:
      return power_of_two_scale(format, statistics.expected_max);
  }
  return 1.0f;
}

}  // namespace gradpath
