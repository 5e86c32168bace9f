#include "sim/cli/verbs/commands.hpp"

namespace gradpath::cli {
namespace {

/// What replay and verify are in a build without SystemC and Verilator.
class MissingCommand : public Command {
 public:
  explicit MissingCommand(std::string_view name)
      : description_{.name = name,
                     .synopsis = "",
                     .summary = "not in this build, which has no SystemC and Verilator",
                     .examples = {},
                     .missing =
                         "is not in this build: install SystemC and Verilator (Debian: "
                         "libsystemc-dev, verilator), configure with "
                         "-DGRADPATH_WITH_HARDWARE=ON and build again"} {}

  const Description& description() const override { return description_; }
  void add_options(OptionSet&) const override {}
  void setup(const Arguments&) override {}
  ExitCode run(Session&) override { return ExitCode::bad_input; }

 private:
  Description description_;
};

}  // namespace

CommandPtr make_replay_command() { return std::make_unique<MissingCommand>("replay"); }
CommandPtr make_verify_command() { return std::make_unique<MissingCommand>("verify"); }

}  // namespace gradpath::cli
