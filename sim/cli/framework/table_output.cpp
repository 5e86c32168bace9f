#include "sim/cli/framework/table_output.hpp"

#include <ostream>

namespace gradpath::cli {
namespace {

constexpr std::string_view kStdout = "-";
constexpr std::size_t kReadableWidth = 120;

}  // namespace

TableFile::TableFile(const std::string& path, Kind kind) : file_(path), kind_(kind) {
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
      .file(FileUse::table)
      .value("json", "FILE", "write the table as a JSON array of objects; - is stdout")
      .file(FileUse::table)
      .value("columns", "LIST", "columns of the printed table, by name (CSV and JSON have all)")
      .flag("wide", "print all columns, however long the lines; else they fit 120 characters");
}

void TableOutput::setup(const Arguments& arguments) {
  csv_ = arguments.optional_text("csv");
  json_ = arguments.optional_text("json");
  if (arguments.has("columns")) view_.columns = arguments.list("columns");
  view_.width = arguments.flag("wide") ? 0 : kReadableWidth;
}

void TableOutput::open() {
  if (csv_ && *csv_ != kStdout) files_.emplace_back(*csv_, TableFile::Kind::csv);
  if (json_ && *json_ != kStdout) files_.emplace_back(*json_, TableFile::Kind::json);
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
