#include "sim/cli/framework/session.hpp"

#include <ostream>

#include "models/version.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {

void Session::note(const std::string& line) const {
  if (!quiet) err << "gradpath: " << one_line(line) << '\n';
}

std::string version() { return GRADPATH_VERSION; }

}  // namespace gradpath::cli
