#include "sim/cli/framework/program.hpp"

#include <algorithm>
#include <limits>
#include <ostream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"
#include "sim/cli/framework/completion.hpp"

namespace gradpath::cli {
namespace {

constexpr std::string_view kUsage =
    "gradpath: bit-exact low-precision arithmetic of the gradient datapath\n"
    "\n"
    "Usage: gradpath VERB [TRACE.safetensors...] [options]\n"
    "       gradpath help VERB           also VERB --help, VERB -h\n"
    "       gradpath help OPTION         what may be written for scale, policy, round, ...\n"
    "       gradpath completion bash|zsh a script that completes all of it in the shell\n"
    "       gradpath --version\n"
    "\nVerbs:\n";

constexpr std::uint64_t kMostThreads = 1024;

std::vector<std::string_view> names_of(const std::vector<CommandPtr>& commands) {
  std::vector<std::string_view> names;
  for (const CommandPtr& command : commands) names.push_back(command->description().name);
  return names;
}

std::string program_help(const std::vector<CommandPtr>& commands) {
  std::string text(kUsage);
  for (const CommandPtr& command : commands) {
    text +=
        fmt::format("  {:<10}{}\n", command->description().name, command->description().summary);
  }
  return text +
         "\nExit codes: 0 good, 1 a check failed, 2 bad input or usage.\n"
         "\nExamples:\n"
         "  gradpath formats e4m3fn\n"
         "      every code of a format with its value\n"
         "  gradpath fit trace.safetensors --csv fit.csv\n"
         "      lognormal fit and distribution distances of every gradient in a trace\n";
}

std::string verb_help(const Description& description, const OptionSet& options) {
  std::string text = fmt::format("gradpath {}: {}\n\nUsage: gradpath {} {}\n", description.name,
                                 description.summary, description.name, description.synopsis);
  text += options.help();
  text += "\nExamples:\n";
  for (const Example& example : description.examples) {
    text += fmt::format("  {}\n      {}\n", example.command, example.explanation);
  }
  return text;
}

std::string help_on(const std::vector<CommandPtr>& commands, std::string_view topic) {
  for (const CommandPtr& command : commands) {
    if (command->description().name != topic) continue;
    return verb_help(command->description(), all_options(*command));
  }
  const auto grammars = all_grammars(commands);
  if (const auto found = grammars.find(topic); found != grammars.end()) {
    return fmt::format("What --{} takes:\n\n{}", topic, found->second->help());
  }
  std::vector<std::string_view> topics = names_of(commands);
  for (const auto& [option, grammar] : grammars) topics.push_back(option);
  throw UserError(
      fmt::format("no help on '{}'; the nearest is '{}', 'gradpath --help' lists the "
                  "verbs",
                  topic, nearest(topic, topics)));
}

Session make_session(const Arguments& arguments, std::string_view verb, std::ostream& out,
                     std::ostream& err) {
  Session session{.out = out, .err = err};
  session.threads = arguments.has("threads")
                        ? static_cast<unsigned>(arguments.integer("threads", 1, kMostThreads))
                        : std::max(1u, std::thread::hardware_concurrency());
  session.seed = Seed{arguments.integer("seed", 0, std::numeric_limits<std::uint64_t>::max())};
  session.quiet = arguments.flag("quiet");
  session.show_progress = !session.quiet && ::isatty(STDERR_FILENO) == 1;
  session.configuration =
      fmt::format("# Made by gradpath {}; to repeat: gradpath {} --config FILE\n[{}]\n{}",
                  version(), verb, verb, arguments.resolved());
  return session;
}

// Libraries name fields in backquotes; those that are options of the verb become `--name`.
std::string with_options(std::string_view message, const OptionSet& options) {
  std::string text;
  for (std::size_t open = 0; (open = message.find('`')) != std::string_view::npos;) {
    const std::size_t close = message.find('`', open + 1);
    if (close == std::string_view::npos) break;
    const std::string_view name = message.substr(open + 1, close - open - 1);
    const bool is_option = options.find(name) != nullptr;
    text += message.substr(0, open);
    text += is_option ? fmt::format("--{}", name) : fmt::format("`{}`", name);
    message.remove_prefix(close + 1);
  }
  return text.append(message);
}

}  // namespace

OptionSet all_options(const Command& command) {
  OptionSet options;
  command.add_options(options);
  options.group("Common")
      .value("threads", "N", "threads to use; results do not depend on it (default: all cores)")
      .value_or("seed", "N", "0", "seed of every random choice, 0 to 2^64 - 1")
      .value("config", "FILE", "read options from an INI file; the command line comes first")
      .file(FileUse::config)
      .flag("quiet", "no notes and no progress on stderr")
      .flag("help", "show this text")
      .letter('h');
  return options;
}

std::map<std::string, const Grammar*, std::less<>> all_grammars(
    const std::vector<CommandPtr>& commands) {
  std::map<std::string, const Grammar*, std::less<>> grammars;
  for (const CommandPtr& command : commands) {
    const OptionSet set = all_options(*command);
    for (const Option& option : set.options()) {
      if (option.grammar == nullptr) continue;
      const Grammar*& most = grammars[option.name];
      if (most == nullptr || most->forms().size() < option.grammar->forms().size()) {
        most = option.grammar;
      }
    }
  }
  return grammars;
}

ExitCode run_program(const std::vector<CommandPtr>& commands,
                     const std::vector<std::string>& arguments, std::ostream& out,
                     std::ostream& err) {
  if (arguments.empty()) {
    throw UserError("no verb is given; 'gradpath --help' lists them");
  }
  const std::string& verb = arguments.front();
  if (verb == "--help" || verb == "-h" || verb == "help") {
    out << (arguments.size() == 1 ? program_help(commands) : help_on(commands, arguments[1]));
    return ExitCode::good;
  }
  if (verb == "completion") {
    out << completion_script(commands, arguments.size() == 1 ? "" : arguments[1]);
    return ExitCode::good;
  }
  if (verb == "--version") {
    out << "gradpath " << version() << '\n';
    return ExitCode::good;
  }
  const std::vector<std::string_view> names = names_of(commands);
  const auto found = std::ranges::find(names, verb);
  if (found == names.end()) {
    throw UserError(
        fmt::format("unknown {} '{}'; the nearest verb is '{}', 'gradpath --help' "
                    "lists all",
                    verb.starts_with('-') ? "option" : "verb", verb, nearest(verb, names)));
  }
  Command& command = *commands[static_cast<std::size_t>(found - names.begin())];
  if (const std::string_view missing = command.description().missing; !missing.empty()) {
    throw UserError(fmt::format("{} {}", verb, missing));
  }

  const OptionSet options = all_options(command);
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  // Help must not depend on the other arguments being right.
  if (std::ranges::any_of(rest, [](const auto& a) { return a == "--help" || a == "-h"; })) {
    out << verb_help(command.description(), options);
    return ExitCode::good;
  }
  const Arguments values = Arguments::parse(options, verb, rest, names);
  Session session = make_session(values, verb, out, err);
  try {
    command.setup(values);
    for (const std::string& path : values.positional()) {
      session.files.add(options.positional_name(), path, options.positional_use());
    }
    for (const Option& option : options.options()) {
      if (const auto path = values.optional_text(option.name)) {
        session.files.add("--" + option.name, *path, option.file);
      }
    }
    return command.run(session);
  } catch (const UserError& error) {
    throw UserError(with_options(error.what(), options));
  }
}

}  // namespace gradpath::cli
