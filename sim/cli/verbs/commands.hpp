#pragma once

#include <vector>

#include "sim/cli/framework/command.hpp"

namespace gradpath::cli {

/// Every verb, in the order that --help lists them.
[[nodiscard]] std::vector<CommandPtr> all_commands();

}  // namespace gradpath::cli
