#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/format/format.hpp"

namespace gradpath {

/// Scales from earlier steps' amax, as FP8 training recipes use them (Transformer Engine's
/// DelayedScaling): a tensor needs no pass of its own before it is cast.
struct DelayedScaling {
  unsigned history = 16;  ///< steps looked back, >= 1
  int margin = 0;         ///< binades of head room, 0..64

  friend bool operator==(const DelayedScaling&, const DelayedScaling&) = default;
};

/// The scale of each step of one layer's tensor: max_finite / (2^margin A), as the policy `amax`,
/// A the largest of the `history` steps before it. The first step, and one whose history holds
/// zeros alone, uses its own amax. amax: largest finite |x|, in the order of the steps.
[[nodiscard]] std::vector<float> delayed_scales(const DelayedScaling& policy, const Format& format,
                                                std::span<const double> amax);

/// Dynamic loss scaling (Micikevicius et al. 2018, arXiv 1710.03740, 3.2): one power of two for all
/// tensors of a step.
struct LossScaling {
  float start = 0x1p15f;     ///< a power of two
  unsigned interval = 2000;  ///< finite steps until the scale doubles, >= 1

  friend bool operator==(const LossScaling&, const LossScaling&) = default;
};

/// What a step's tensors say together.
struct LossScaleInput {
  double amax = 0;        ///< largest finite |x|
  bool is_finite = true;  ///< no infinity, no NaN
};
/// The scale that a step was cast with, and whether training would have skipped it.
struct LossScaleStep {
  float scale = 1.0f;
  bool overflows = false;

  friend bool operator==(const LossScaleStep&, const LossScaleStep&) = default;
};

/// Step by step: a step overflows if amax * scale is above the largest finite or an element is not
/// finite. Then the next scale is half; else, after `interval` finite steps in a row, twice (and
/// counting starts anew). Kept between 2^-126 and 2^127.
[[nodiscard]] std::vector<LossScaleStep> loss_scales(const LossScaling& policy,
                                                     const Format& format,
                                                     std::span<const LossScaleInput> steps);

}  // namespace gradpath
