#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/specification/grammar.hpp"
#include "sim/cli/framework/files.hpp"

namespace gradpath::cli {

/// One declared option.
struct Option {
  std::string group;
  std::string name;        ///< long name, without dashes
  char letter = '\0';      ///< short name, or none
  std::string value_name;  ///< shown in --help; empty for a flag
  std::optional<std::string> fallback;
  std::string help;
  std::string alias = {};                    ///< another long name, not shown
  const Grammar* grammar = nullptr;          ///< what its values are written in, or none
  std::vector<std::string_view> words = {};  ///< the values there are, or those to complete
  FileUse file = FileUse::none;              ///< its value is the path of a file

  [[nodiscard]] bool is_flag() const { return value_name.empty(); }
};

/// The options of one verb in the order declared, and the name of its positional arguments.
class OptionSet {
 public:
  /// Options declared from here on are listed under this caption.
  OptionSet& group(std::string_view caption);
  OptionSet& value(std::string_view name, std::string_view value_name, std::string_view help);
  OptionSet& value_or(std::string_view name, std::string_view value_name, std::string_view fallback,
                      std::string_view help);
  OptionSet& flag(std::string_view name, std::string_view help);
  /// Gives the option declared last a short name.
  OptionSet& letter(char letter);
  /// The values of the option declared last, one or a list of them, are written in this grammar:
  /// its help ends in what there is, and the shell completes it.
  OptionSet& of(const Grammar& grammar);
  /// Values of the option declared last, for completion; all of them for Arguments::choice.
  OptionSet& words(std::vector<std::string_view> words);
  /// The value of the option declared last is the path of a file.
  OptionSet& file(FileUse use);
  /// Arguments without a dash are collected under `name`; at most `most`, -1 for any number. use:
  /// if they are files.
  OptionSet& positional(std::string_view name, int most, FileUse use = FileUse::none);

  [[nodiscard]] const std::vector<Option>& options() const { return options_; }
  [[nodiscard]] const std::string& positional_name() const { return positional_; }
  [[nodiscard]] int positional_most() const { return positional_most_; }
  [[nodiscard]] FileUse positional_use() const { return positional_use_; }
  /// By name or alias: a verb that has one of `format` and `formats` knows the other too.
  [[nodiscard]] const Option* find(std::string_view name) const;
  /// The options by group, for --help.
  [[nodiscard]] std::string help() const;

 private:
  std::string group_ = "Options";
  std::vector<Option> options_;
  std::string positional_;  ///< empty: the verb takes none
  int positional_most_ = 0;
  FileUse positional_use_ = FileUse::none;
};

}  // namespace gradpath::cli
