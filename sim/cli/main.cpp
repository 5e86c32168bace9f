#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "models/error.hpp"
#include "sim/cli/framework/process.hpp"
#include "sim/cli/framework/program.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "traces/text.hpp"

namespace {

constexpr int kBadInput = static_cast<int>(gradpath::cli::ExitCode::bad_input);

int fail(const std::string& message) {
  std::cerr << "gradpath: " << gradpath::one_line(message) << '\n';
  return kBadInput;
}

// Takes no memory, as there is none.
int fail_without_memory() {
  constexpr std::string_view kLine =
      "gradpath: out of memory: more is needed than is available; use fewer --threads or --tensors "
      "at once\n";
  static_cast<void>(!::write(STDERR_FILENO, kLine.data(), kLine.size()));
  return kBadInput;
}

}  // namespace

// The one place that catches, prints and picks the exit code.
int main(int argc, char** argv) {
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
    return fail_without_memory();
  } catch (const std::length_error&) {  // more than any memory
    return fail_without_memory();
  } catch (const std::exception& error) {
    return fail(std::string("internal error: ") + error.what());
  }
}
