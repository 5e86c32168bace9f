#include "sim/cli/verbs/commands.hpp"

namespace gradpath::cli {

// Each is defined in the file of its name.
CommandPtr make_formats_command();
CommandPtr make_cast_command();
CommandPtr make_profile_command();
CommandPtr make_fit_command();
CommandPtr make_prune_command();
CommandPtr make_synth_command();
CommandPtr make_sweep_command();
CommandPtr make_report_command();
CommandPtr make_gemm_command();
CommandPtr make_replay_command();
CommandPtr make_memory_command();
CommandPtr make_verify_command();
CommandPtr make_theory_command();

std::vector<CommandPtr> all_commands() {
  std::vector<CommandPtr> commands;
  for (const auto make :
       {make_formats_command, make_cast_command, make_profile_command, make_fit_command,
        make_prune_command, make_synth_command, make_sweep_command, make_report_command,
        make_gemm_command, make_replay_command, make_memory_command, make_verify_command,
        make_theory_command}) {
    commands.push_back(make());
  }
  return commands;
}

}  // namespace gradpath::cli
