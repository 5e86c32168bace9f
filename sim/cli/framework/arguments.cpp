#include "sim/cli/framework/arguments.hpp"

#include <charconv>
#include <cmath>
#include <set>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"
#include "sim/cli/framework/ini.hpp"

namespace gradpath::cli {
namespace {

namespace po = boost::program_options;

[[noreturn]] void fail_unknown(std::string_view where, std::string_view name,
                               const OptionSet& options) {
  std::vector<std::string_view> names;
  for (const Option& option : options.options()) names.emplace_back(option.name);
  throw UserError(
      fmt::format("{}unknown option '{}'; the nearest is '{}', --help lists all", where, name,
                  nearest(name.substr(std::min(name.find_first_not_of('-'), name.size())), names)));
}

po::options_description described(const OptionSet& options) {
  po::options_description description;
  for (const Option& option : options.options()) {
    std::string names = option.name;
    if (option.letter != '\0') names += fmt::format(",{}", option.letter);
    if (!option.alias.empty()) {
      description.add_options()(option.alias.c_str(), po::value<std::string>(), "");
    }
    if (option.is_flag()) {
      description.add_options()(names.c_str(), "");
    } else {
      description.add_options()(names.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

po::parsed_options parse_command_line(const OptionSet& options,
                                      const po::options_description& description,
                                      const std::vector<std::string>& command_line) {
  // No abbreviations: `--scale` must not change its meaning when `--scale-block` is added.
  const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    return po::command_line_parser(command_line).options(description).style(style).run();
  } catch (const po::unknown_option& error) {
    fail_unknown("", error.get_option_name(), options);
  } catch (const po::error& error) {
    throw UserError(fmt::format("{}; --help shows the options", error.what()));
  }
}

}  // namespace

Arguments Arguments::parse(const OptionSet& options, std::string_view verb,
                           const std::vector<std::string>& command_line,
                           const std::vector<std::string_view>& verbs) {
  Arguments result;
  result.positional_name_ = options.positional_name();
  const po::options_description description = described(options);
  for (const auto& item : parse_command_line(options, description, command_line).options) {
    if (item.position_key >= 0) {
      const std::string& text = item.value.at(0);
      if (static_cast<int>(result.positional_.size()) == options.positional_most()) {
        throw UserError(fmt::format("unexpected argument '{}'; '{}' takes {}; --help shows its use",
                                    text, verb, options.positional_most() == 0 ? "none" : "fewer"));
      }
      result.positional_.push_back(text);
      continue;
    }
    const Option* option = options.find(item.string_key);
    if (option == nullptr) fail_unknown("", item.string_key, options);
    const std::string text = option->is_flag() ? "true" : item.value.at(0);
    if (!option->is_flag() && text.starts_with("--")) {
      throw UserError(fmt::format("--{}: the value is missing ('{}' looks like an option); give {}",
                                  option->name, text, option->value_name));
    }
    if (!result.values_.emplace(option->name, text).second) {
      throw UserError(fmt::format("--{}: given twice; give it once", option->name));
    }
  }
  if (const auto config = result.values_.find("config"); config != result.values_.end()) {
    result.read_config(options, config->second, verb, verbs);
  }
  for (const Option& option : options.options()) {
    if (option.fallback) result.values_.emplace(option.name, *option.fallback);
    result.words_.emplace(option.name, option.words);
    // What the recorded configuration needs not repeat.
    if (option.name == "config" || option.name == "help") continue;
    const auto value = result.values_.find(option.name);
    if (value != result.values_.end()) result.order_.emplace_back(*value);
  }
  return result;
}

void Arguments::read_config(const OptionSet& options, const std::string& path,
                            std::string_view verb, const std::vector<std::string_view>& verbs) {
  const bool has_positional = !positional_.empty();
  std::set<std::string, std::less<>> seen;
  for (const IniEntry& entry : read_ini(path)) {
    const std::string where = fmt::format("{}:{}: ", path, entry.line);
    if (!entry.section.empty() && entry.section != verb) {
      if (std::ranges::find(verbs, entry.section) != verbs.end()) continue;
      throw UserError(fmt::format("{}unknown section '[{}]'; the nearest verb is '{}'", where,
                                  entry.section, nearest(entry.section, verbs)));
    }
    if (!positional_name_.empty() && entry.key == positional_name_) {
      if (!has_positional) positional_.push_back(entry.value);
      continue;
    }
    const Option* option = options.find(entry.key);
    if (option == nullptr || entry.key == "config" || entry.key == "help") {
      fail_unknown(where, entry.key, options);
    }
    if (!seen.insert(option->name).second) {
      throw UserError(fmt::format("{}'{}' is given twice; give it once", where, entry.key));
    }
    if (option->is_flag() && entry.value != "true" && entry.value != "false") {
      throw UserError(
          fmt::format("{}'{}' is '{}', expected true or false", where, entry.key, entry.value));
    }
    values_.emplace(option->name, entry.value);  // does nothing if the command line has it
  }
  if (options.positional_most() >= 0 &&
      static_cast<int>(positional_.size()) > options.positional_most()) {
    throw UserError(fmt::format("{}: '{}' is given too often", path, positional_name_));
  }
}

bool Arguments::has(std::string_view name) const { return values_.contains(name); }

const std::string& Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    throw UserError(fmt::format("--{} is required and missing; --help shows what it takes", name));
  }
  return found->second;
}

std::optional<std::string> Arguments::optional_text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

bool Arguments::flag(std::string_view name) const {
  const auto found = values_.find(name);
  return found != values_.end() && found->second == "true";
}

std::uint64_t Arguments::integer(std::string_view name, std::uint64_t least,
                                 std::uint64_t most) const {
  return parse_integer(fmt::format("--{}", name), text(name), least, most);
}

double Arguments::real(std::string_view name, double least, double most) const {
  return parse_real(fmt::format("--{}", name), text(name), least, most);
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  std::vector<std::string> items;
  std::string_view rest = text(name);
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    if (item.empty()) {
      throw UserError(fmt::format("--{}: '{}' has an empty item; separate items with one comma",
                                  name, text(name)));
    }
    items.emplace_back(item);
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<double> Arguments::reals(std::string_view name, double least, double most) const {
  std::vector<double> numbers;
  for (const std::string& item : list(name)) {
    numbers.push_back(parse_real(fmt::format("--{}", name), item, least, most));
  }
  return numbers;
}

const std::string& Arguments::choice(std::string_view name) const {
  const std::string& value = text(name);
  const std::vector<std::string_view>& words = words_.find(name)->second;
  if (std::ranges::find(words, value) != words.end()) return value;
  throw UserError(fmt::format("--{}: '{}' is unknown; the nearest is '{}'; expected {}", name,
                              value, nearest(value, words), fmt::join(words, ", ")));
}

std::string Arguments::resolved() const {
  std::string ini;
  for (const std::string& text : positional_) {
    ini += fmt::format("{} = {}\n", positional_name_, text);
  }
  for (const auto& [name, value] : order_) ini += fmt::format("{} = {}\n", name, value);
  return ini;
}

double parse_real(std::string_view what, std::string_view text, double least, double most) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number) ||
      number < least || number > most) {
    throw UserError(
        fmt::format("{}: '{}' is no number from {:g} to {:g}", what, text, least, most));
  }
  return number;
}

std::uint64_t parse_integer(std::string_view what, std::string_view text, std::uint64_t least,
                            std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    throw UserError(fmt::format("{}: '{}' is no integer from {} to {}", what, text, least, most));
  }
  return number;
}

int parse_axis(std::string_view text) {
  int axis = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), axis);
  if (failure == std::errc() && stop == text.data() + text.size()) return axis;
  throw UserError(
      fmt::format("--axis is '{}', expected an integer, e.g. 0, 1 or -1 for the last", text));
}

}  // namespace gradpath::cli
