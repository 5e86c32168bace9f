#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "sim/cli/framework/command.hpp"

namespace gradpath::cli {

/// Runs `gradpath` with these arguments (without the program's name): finds the verb among
/// `commands`, reads its options, runs it. UserError for what the user can mend; nothing is caught
/// here.
[[nodiscard]] ExitCode run_program(const std::vector<CommandPtr>& commands,
                                   const std::vector<std::string>& arguments, std::ostream& out,
                                   std::ostream& err);

}  // namespace gradpath::cli
