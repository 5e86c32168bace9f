#include "sim/cli/framework/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "sim/cli/framework/program.hpp"

namespace gradpath::cli {
namespace {

// `=` and `:` are words of their own to bash, so the option before a value stands one word further
// back after `=`, and after a colon nothing is completed. Of a list the last item is.
constexpr std::string_view kTail = R"(  esac
  COMPREPLY=($(compgen -P "$before" -W "$words" -- "${cur#"$before"}"))
}
complete -o bashdefault -o default -F _gradpath gradpath
)";
constexpr std::string_view kHead = R"(_gradpath() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} before= words=
  if [[ $cur == = ]]; then cur=; prev=${COMP_WORDS[COMP_CWORD-1]}
  elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $cur == *,* ]]; then before=${cur%,*},; fi
  COMPREPLY=()
)";

}  // namespace

std::string completion_script(const std::vector<CommandPtr>& commands, const std::string& shell) {
  if (shell != "bash" && shell != "zsh") {
    throw UserError(fmt::format("no completion for '{}'; expected bash or zsh", shell));
  }
  std::string verbs = "help completion";
  std::string values;
  std::string options;
  for (const CommandPtr& command : commands) {
    if (!command->description().missing.empty()) continue;
    const std::string_view verb = command->description().name;
    verbs += fmt::format(" {}", verb);
    const OptionSet set = all_options(*command);
    std::string names;
    for (const Option& option : set.options()) {
      names += fmt::format("{}--{}", names.empty() ? "" : " ", option.name);
      if (!option.words.empty()) {
        values +=
            fmt::format("    {}:--{}{}) words='{}' ;;\n", verb, option.name,
                        option.letter == '\0' ? "" : fmt::format("|{}:-{}", verb, option.letter),
                        fmt::join(option.words, " "));
      } else if (!option.is_flag()) {
        values += fmt::format("    {}:--{}) return ;;\n", verb, option.name);
      }
    }
    options += fmt::format("    {}:*) [[ $cur == -* ]] && words='{}' ;;\n", verb, names);
  }
  std::string topics = verbs;
  for (const auto& [option, grammar] : all_grammars(commands)) topics += " " + option;
  return fmt::format(
      "{}{}  if ((COMP_CWORD == 1)); then prev=; fi\n  case \"${{COMP_WORDS[1]}}:$prev\" in\n{}    "
      "help:*) words='{}' ;;\n    completion:*) words='bash zsh' ;;\n{}    *) ((COMP_CWORD == 1)) "
      "&& "
      "words='{} --help --version' ;;\n{}",
      shell == "zsh" ? "#compdef gradpath\nautoload -U +X bashcompinit && bashcompinit\n" : "",
      kHead, values, topics, options, verbs, kTail);
}

}  // namespace gradpath::cli
