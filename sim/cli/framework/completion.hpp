#pragma once

#include <string>
#include <vector>

#include "sim/cli/framework/command.hpp"

namespace gradpath::cli {

/// A script that completes verbs, options and the values that options have names for. shell: bash,
/// or zsh, which runs the same script; UserError otherwise.
[[nodiscard]] std::string completion_script(const std::vector<CommandPtr>& commands,
                                            const std::string& shell);

}  // namespace gradpath::cli
