#include "sim/cli/verbs/commands.hpp"

namespace gradpath::cli {

std::vector<CommandPtr> all_commands() {
  std::vector<CommandPtr> commands;
  commands.push_back(make_formats_command());
  commands.push_back(make_cast_command());
  commands.push_back(make_profile_command());
  commands.push_back(make_fit_command());
  commands.push_back(make_prune_command());
  commands.push_back(make_synth_command());
  commands.push_back(make_sweep_command());
  commands.push_back(make_report_command());
  commands.push_back(make_gemm_command());
  commands.push_back(make_replay_command());
  commands.push_back(make_memory_command());
  commands.push_back(make_verify_command());
  commands.push_back(make_theory_command());
  return commands;
}

}  // namespace gradpath::cli
