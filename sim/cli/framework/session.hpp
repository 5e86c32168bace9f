#pragma once

#include <iosfwd>
#include <string>

#include "models/round/random.hpp"
#include "sim/cli/framework/files.hpp"

namespace gradpath::cli {

/// What a running verb gets from the program: the streams and the options that every verb has.
struct Session {
  std::ostream& out;  ///< results
  std::ostream& err;  ///< notes and progress
  unsigned threads = 1;
  Seed seed = {};
  bool quiet = false;
  bool show_progress = false;  ///< stderr is a terminal and --quiet was not given
  /// Version, verb and every option's value, in the form that --config reads back.
  std::string configuration = {};
  /// Every file that an option names; a verb adds those that are named inside other values.
  Files files = {};

  /// One line on stderr, unless --quiet.
  void note(const std::string& line) const;
};

/// The program's version, as --version prints it.
[[nodiscard]] std::string version();

}  // namespace gradpath::cli
