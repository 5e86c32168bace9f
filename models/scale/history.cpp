#include "models/scale/history.hpp"

#include <algorithm>
#include <cmath>

#include "models/format/codec.hpp"
#include "models/scale/scale.hpp"

namespace gradpath {

std::vector<float> delayed_scales(const DelayedScaling& policy, const Format& format,
                                  std::span<const double> amax) {
  const ScalePolicy own{.kind = ScalePolicy::Kind::amax};
  std::vector<float> scales;
  for (std::size_t step = 0; step < amax.size(); ++step) {
    const std::size_t looked_back = std::min<std::size_t>(policy.history, step);
    double largest = 0;
    for (const double x : amax.subspan(step - looked_back, looked_back)) {
      largest = std::max(largest, x);
    }
    if (largest == 0) largest = amax[step];
    scales.push_back(resolve_scale(own, format, {.amax = std::ldexp(largest, policy.margin)}));
  }
  return scales;
}

std::vector<LossScaleStep> loss_scales(const LossScaling& policy, const Format& format,
                                       std::span<const LossScaleInput> steps) {
  const double largest = max_finite(format);
  std::vector<LossScaleStep> result;
  float scale = policy.start;
  unsigned finite_steps = 0;
  for (const LossScaleInput& step : steps) {
    const bool overflows = !step.is_finite || step.amax * double{scale} > largest;
    result.push_back({scale, overflows});
    finite_steps = overflows ? 0 : finite_steps + 1;
    if (overflows) scale /= 2;
    if (finite_steps == policy.interval) {
      scale *= 2;
      finite_steps = 0;
    }
    scale = std::clamp(scale, 0x1p-126f, 0x1p127f);
  }
  return result;
}

}  // namespace gradpath
