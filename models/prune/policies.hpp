#pragma once

#include "models/prune/policy.hpp"

namespace gradpath::policies {

// One function a row, each defined in the file named; listed in policies.cpp.

[[nodiscard]] PrunePolicyRow stochastic();  // stochastic_policy.cpp
[[nodiscard]] PrunePolicyRow ye();
[[nodiscard]] PrunePolicyRow topk();  // magnitude_policies.cpp
[[nodiscard]] PrunePolicyRow swat();
[[nodiscard]] PrunePolicyRow hard();
[[nodiscard]] PrunePolicyRow dithered();  // dithered_policy.cpp
[[nodiscard]] PrunePolicyRow random();    // random_policy.cpp
[[nodiscard]] PrunePolicyRow nm();        // nm_policy.cpp

/// A parameter that is a whole finite number within [least, most]; nothing otherwise.
[[nodiscard]] std::optional<double> read_number(std::string_view text, double least, double most);

}  // namespace gradpath::policies
