#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "sim/cli/framework/session.hpp"

namespace gradpath::cli {

/// A worked example of --help.
struct Example {
  std::string_view command;
  std::string_view explanation;
};

/// What --help says of a verb.
struct Description {
  std::string_view name;
  std::string_view synopsis;  ///< what follows the name, e.g. `TRACE... [options]`
  std::string_view summary;   ///< one line, what it does
  std::array<Example, 2> examples;
  std::string_view missing = {};  ///< why this build hasn't got it and what to do; empty: it has
};

/// Exit codes of the program.
enum class ExitCode : int {
  good = 0,
  check_failed = 1,  ///< a check said no; the program did its work
  bad_input = 2,     ///< bad input or usage, or a failure of ours
};

/// One verb. The program makes it, asks for its options, hands it their values and runs it.
class Command {
 public:
  virtual ~Command() = default;

  [[nodiscard]] virtual const Description& description() const = 0;
  /// Declares the options of its own, by group; the program adds the common ones.
  virtual void add_options(OptionSet& options) const = 0;
  /// Reads and checks every value. Touches no file, so that it is tested without any. UserError.
  virtual void setup(const Arguments& arguments) = 0;
  /// Does the work. UserError for what the user can mend.
  [[nodiscard]] virtual ExitCode run(Session& session) = 0;
};

using CommandPtr = std::unique_ptr<Command>;

}  // namespace gradpath::cli
