#pragma once

#include "models/prune/policy.hpp"

namespace gradpath::policies {

// One function a policy, each defined in the file that bears its name; listed in policies.cpp.

/// T(x) of arXiv 2006.08173 at an exact or a lognormal threshold. stochastic_policy.cpp
[[nodiscard]] PrunePolicy stochastic();

}  // namespace gradpath::policies
