#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "sim/cli/framework/session.hpp"
#include "sim/cli/framework/table.hpp"
#include "traces/atomic_file.hpp"

namespace gradpath::cli {

/// A table's file as CSV or JSON. With it goes FILE.config.ini, the configuration that made it.
class TableFile {
 public:
  enum class Kind { csv, json };
  /// Opens both at once. UserError.
  TableFile(const std::string& path, Kind kind);
  void write(const Table& table, const Session& session);

 private:
  AtomicFile file_;
  std::optional<AtomicFile> configuration_;  ///< none for a device or pipe
  Kind kind_;
};

/// Where a verb's table goes: readable on stdout, and to --csv and --json, `-` being stdout in
/// place of the readable one.
class TableOutput {
 public:
  static void add_options(OptionSet& options);
  void setup(const Arguments& arguments);
  /// Opens the files, before any work is done: the first thing in run().
  void open();
  /// Prints the table and puts the files in place: the last thing in run().
  void write(const Table& table, Session& session);

 private:
  std::optional<std::string> csv_;
  std::optional<std::string> json_;
  TableView view_;
  std::vector<TableFile> files_;
};

}  // namespace gradpath::cli
