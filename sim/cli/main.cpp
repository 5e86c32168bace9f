#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/error.hpp"
#include "sim/cli/framework/process.hpp"
#include "sim/cli/framework/program.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "traces/text.hpp"

namespace {

int fail(const std::string& message) {
  std::cerr << "gradpath: " << gradpath::one_line(message) << '\n';
  return static_cast<int>(gradpath::cli::ExitCode::bad_input);
}

}  // namespace

// The one place that catches, prints and picks the exit code.
int main(int argc, char** argv) {
  constexpr auto kNoMemory =
      "out of memory: more is needed than is available; use fewer --threads or --tensors at once";
  try {
    gradpath::cli::prepare_process();
    std::ios::sync_with_stdio(false);
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const auto code =
        gradpath::cli::run_program(gradpath::cli::all_commands(), arguments, std::cout, std::cerr);
    std::cout.flush();
    if (!std::cout) return fail("cannot write to stdout; is the disk full?");
    return static_cast<int>(code);
  } catch (const gradpath::UserError& error) {
    return fail(error.what());
  } catch (const std::bad_alloc&) {
    return fail(kNoMemory);
  } catch (const std::length_error&) {  // more than any memory
    return fail(kNoMemory);
  } catch (const std::exception& error) {
    return fail(std::string("internal error: ") + error.what());
  }
}
