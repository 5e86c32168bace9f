#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/explore/cost_table.hpp"
#include "sim/explore/results_store.hpp"
#include "sim/explore/sweep.hpp"

namespace gradpath {

struct SweepRunOptions {
  bool brute_force = false;       ///< cast every element instead of asking the profile
  ResultsStore* store = nullptr;  ///< what is in it is not done again, what is not is added
};

/// Answers every point, calling done() after each. What is in the store never changes which way a
/// point is answered, only whether it is again. A point that has no answer is skipped, with the
/// reason in its result; UserError with the first one's if that is so for all of them.
[[nodiscard]] std::vector<SweepResult> answer_points(TensorSweep& tensor, const std::string& trace,
                                                     std::span<const SweepPoint> points,
                                                     const SweepRunOptions& options,
                                                     const std::function<void()>& done);

/// Which points of a tensor none of its sparsity beats in both measure and area.
[[nodiscard]] std::vector<bool> sweep_front(std::span<const SweepPoint> points,
                                            std::span<const SweepResult> results,
                                            const Measure& measure, const CostTable& costs);

}  // namespace gradpath
