#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cli/framework/options.hpp"

namespace gradpath::cli {

/// The values of a verb's options: the command line's, else those of --config, else the defaults.
/// Numbers are read strictly: the whole text is the number, or it is a UserError that names the
/// option, what was found and the range.
class Arguments {
 public:
  /// command_line: what follows the verb. Reads the --config file, if one is named.
  /// verbs: whose sections the file may have besides this verb's. UserError on unknown options
  /// (names the nearest), missing values and repetitions.
  [[nodiscard]] static Arguments parse(const OptionSet& options, std::string_view verb,
                                       const std::vector<std::string>& command_line,
                                       const std::vector<std::string_view>& verbs);

  [[nodiscard]] bool has(std::string_view name) const;
  /// The value; UserError if the option has none: it is required.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::uint64_t integer(std::string_view name, std::uint64_t least,
                                      std::uint64_t most) const;
  /// Finite, within [least, most].
  [[nodiscard]] double real(std::string_view name, double least, double most) const;
  /// Comma-separated, at least one, none empty.
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  [[nodiscard]] std::vector<double> reals(std::string_view name, double least, double most) const;
  /// One of the words that the option declares; UserError names them all.
  [[nodiscard]] const std::string& choice(std::string_view name) const;
  /// Arguments without a dash.
  [[nodiscard]] const std::vector<std::string>& positional() const { return positional_; }

  /// Every value in the INI form that --config reads back, without the section's line.
  [[nodiscard]] std::string resolved() const;

 private:
  void read_config(const OptionSet& options, const std::string& path, std::string_view verb,
                   const std::vector<std::string_view>& verbs);

  std::vector<std::pair<std::string, std::string>> order_;
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::vector<std::string_view>, std::less<>> words_;
  std::string positional_name_;
  std::vector<std::string> positional_;
};

/// Reads a whole text as a number; UserError names `what` (an option, a field).
[[nodiscard]] double parse_real(std::string_view what, std::string_view text, double least,
                                double most);
[[nodiscard]] std::uint64_t parse_integer(std::string_view what, std::string_view text,
                                          std::uint64_t least, std::uint64_t most);
/// The value of --axis.
[[nodiscard]] int parse_axis(std::string_view text);

}  // namespace gradpath::cli
