#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "sim/cli/framework/command.hpp"

namespace gradpath::cli {

/// A verb's options with those that every verb has.
[[nodiscard]] OptionSet all_options(const Command& command);
/// The options that have a grammar, by name. Where verbs differ, the grammar with the most forms.
[[nodiscard]] std::map<std::string, const Grammar*, std::less<>> all_grammars(
    const std::vector<CommandPtr>& commands);

/// Runs `gradpath` with these arguments (without the program's name): finds the verb among
/// `commands`, reads its options, runs it. UserError for what the user can mend; nothing is caught
/// here.
[[nodiscard]] ExitCode run_program(const std::vector<CommandPtr>& commands,
                                   const std::vector<std::string>& arguments, std::ostream& out,
                                   std::ostream& err);

}  // namespace gradpath::cli
