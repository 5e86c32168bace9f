#include "sim/cli/framework/table_output.hpp"

#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath::cli {
namespace {

constexpr std::string_view kStdout = "-";
constexpr std::size_t kReadableWidth = 120;

void refuse_input(const std::string& path, std::span<const std::string> inputs) {
  for (const std::string& input : inputs) {
    std::error_code ignored;  // a file that does not exist equals none
    if (std::filesystem::equivalent(path, input, ignored)) {
      throw UserError(
          fmt::format("{}: is an input and would be replaced by a table; give another "
                      "path to write to",
                      path));
    }
  }
}

}  // namespace

TableFile::TableFile(const std::string& path, Kind kind, std::span<const std::string> inputs)
    : file_((refuse_input(path, inputs), path)), kind_(kind) {
  if (!file_.is_direct()) configuration_.emplace(path + ".config.ini");
}

void TableFile::write(const Table& table, const Session& session) {
  file_.write(kind_ == Kind::csv ? table.csv() : table.json());
  if (configuration_) {
    configuration_->write(session.configuration);
    configuration_->commit();
  }
  file_.commit();
}

void TableOutput::add_options(OptionSet& options) {
  options.group("Output")
      .value("csv", "FILE", "write the table as CSV; - is stdout")
      .value("json", "FILE", "write the table as a JSON array of objects; - is stdout")
      .value("columns", "LIST", "columns of the printed table, by name (CSV and JSON have all)")
      .flag("wide", "print all columns, however long the lines; else they fit 120 characters");
}

void TableOutput::setup(const Arguments& arguments) {
  csv_ = arguments.optional_text("csv");
  json_ = arguments.optional_text("json");
  if (arguments.has("columns")) view_.columns = arguments.list("columns");
  view_.width = arguments.flag("wide") ? 0 : kReadableWidth;
  const auto tensors = arguments.optional_text("output");
  const auto refuse_twice = [](const auto& one, const auto& other, std::string_view options) {
    if (!one || one != other) return;
    throw UserError(fmt::format("{} both go to '{}'; give two different files", options, *one));
  };
  refuse_twice(csv_, json_, "--csv and --json");
  refuse_twice(csv_, tensors, "--csv and --output");
  refuse_twice(json_, tensors, "--json and --output");
}

void TableOutput::open(std::span<const std::string> inputs) {
  if (csv_ && *csv_ != kStdout) files_.emplace_back(*csv_, TableFile::Kind::csv, inputs);
  if (json_ && *json_ != kStdout) files_.emplace_back(*json_, TableFile::Kind::json, inputs);
}

void TableOutput::write(const Table& table, Session& session) {
  // Files first: they can fail, and then nothing is printed.
  for (TableFile& file : files_) file.write(table, session);
  files_.clear();
  if (csv_ == kStdout) {
    session.out << table.csv();
  } else if (json_ == kStdout) {
    session.out << table.json();
  } else {
    session.out << table.readable(view_);
  }
}

}  // namespace gradpath::cli
