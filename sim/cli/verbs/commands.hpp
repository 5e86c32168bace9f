#pragma once

#include <vector>

#include "sim/cli/framework/command.hpp"

namespace gradpath::cli {

/// Every verb, in the order that --help lists them.
[[nodiscard]] std::vector<CommandPtr> all_commands();

// One a file of the same name.
[[nodiscard]] CommandPtr make_cast_command();
[[nodiscard]] CommandPtr make_fit_command();
[[nodiscard]] CommandPtr make_formats_command();
[[nodiscard]] CommandPtr make_gemm_command();
[[nodiscard]] CommandPtr make_profile_command();
[[nodiscard]] CommandPtr make_prune_command();
[[nodiscard]] CommandPtr make_replay_command();
[[nodiscard]] CommandPtr make_report_command();
[[nodiscard]] CommandPtr make_sweep_command();
[[nodiscard]] CommandPtr make_synth_command();
[[nodiscard]] CommandPtr make_theory_command();
[[nodiscard]] CommandPtr make_memory_command();
[[nodiscard]] CommandPtr make_verify_command();

}  // namespace gradpath::cli
