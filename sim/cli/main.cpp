#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "models/error.hpp"
#include "sim/cli/framework/program.hpp"
#include "sim/cli/verbs/commands.hpp"

namespace {

int fail(const std::string& message) {
  std::cerr << "gradpath: " << message << '\n';
  return static_cast<int>(gradpath::cli::ExitCode::bad_input);
}

}  // namespace

// The one place that catches, prints and picks the exit code.
int main(int argc, char** argv) {
  try {
    std::ios::sync_with_stdio(false);
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto code =
        gradpath::cli::run_program(gradpath::cli::all_commands(), arguments, std::cout, std::cerr);
    std::cout.flush();
    if (!std::cout) return fail("cannot write to stdout; is the disk full?");
    return static_cast<int>(code);
  } catch (const gradpath::UserError& error) {
    return fail(error.what());
  } catch (const std::bad_alloc&) {
    return fail("out of memory; use fewer --threads or fewer --tensors at once");
  } catch (const std::exception& error) {
    return fail(std::string("internal error: ") + error.what());
  }
}
