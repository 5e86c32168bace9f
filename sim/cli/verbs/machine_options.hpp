#pragma once

#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "sim/datapath/config.hpp"

namespace gradpath::cli {

/// Declares the options that describe the machine of `replay`; defaults are DatapathConfig's.
void add_machine_options(OptionSet& options);

/// Their values, checked. UserError.
[[nodiscard]] DatapathConfig read_machine(const Arguments& arguments);

}  // namespace gradpath::cli
