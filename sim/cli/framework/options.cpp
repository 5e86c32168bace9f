#include "sim/cli/framework/options.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace gradpath::cli {
namespace {

constexpr std::size_t kHelpColumn = 30;
constexpr std::size_t kWidth = 100;

std::string usage(const Option& option) {
  std::string text = option.letter == '\0' ? "      " : fmt::format("  -{}, ", option.letter);
  text += "--" + option.name;
  return option.is_flag() ? text : text + " " + option.value_name;
}

// Words from `column` on, broken before kWidth.
void append_wrapped(std::string& out, std::string_view text, std::size_t column) {
  std::size_t at = column;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    if (at > column && at + 1 + word.size() > kWidth) {
      out += '\n' + std::string(column, ' ');
      at = column;
    }
    if (at > column) {
      out += ' ';
      ++at;
    }
    out += word;
    at += word.size();
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  out += '\n';
}

}  // namespace

OptionSet& OptionSet::group(std::string_view caption) {
  group_ = caption;
  return *this;
}

OptionSet& OptionSet::value(std::string_view name, std::string_view value_name,
                            std::string_view help) {
  options_.push_back(Option{.group = group_,
                            .name = std::string(name),
                            .letter = '\0',
                            .value_name = std::string(value_name),
                            .fallback = std::nullopt,
                            .help = std::string(help)});
  if (name == "format") options_.back().alias = "formats";
  if (name == "formats") options_.back().alias = "format";
  return *this;
}

OptionSet& OptionSet::value_or(std::string_view name, std::string_view value_name,
                               std::string_view fallback, std::string_view help) {
  value(name, value_name, help);
  options_.back().fallback = std::string(fallback);
  return *this;
}

OptionSet& OptionSet::flag(std::string_view name, std::string_view help) {
  return value(name, "", help);
}

OptionSet& OptionSet::letter(char letter) {
  options_.back().letter = letter;
  return *this;
}

OptionSet& OptionSet::of(const Grammar& grammar) {
  options_.back().grammar = &grammar;
  for (const Form* form : grammar.forms()) options_.back().words.push_back(form->name);
  return *this;
}

OptionSet& OptionSet::words(std::vector<std::string_view> words) {
  options_.back().words = std::move(words);
  return *this;
}

OptionSet& OptionSet::file(FileUse use) {
  options_.back().file = use;
  return *this;
}

OptionSet& OptionSet::positional(std::string_view name, int most, FileUse use) {
  positional_use_ = use;
  positional_ = name;
  positional_most_ = most;
  return *this;
}

const Option* OptionSet::find(std::string_view name) const {
  auto found = std::ranges::find(options_, name, &Option::name);
  if (found == options_.end() && !name.empty()) {
    found = std::ranges::find(options_, name, &Option::alias);
  }
  return found == options_.end() ? nullptr : &*found;
}

std::string OptionSet::help() const {
  std::vector<std::string> groups;
  for (const Option& option : options_) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  std::string text;
  for (const std::string& caption : groups) {
    text += fmt::format("\n{}:\n", caption);
    for (const Option& option : options_) {
      if (option.group != caption) continue;
      std::string line = usage(option);
      if (line.size() + 2 > kHelpColumn) {
        text += line + '\n';
        line.clear();
      }
      text += fmt::format("{:<{}}", line, kHelpColumn);
      std::string words = option.help;
      if (option.grammar != nullptr) words += ": " + option.grammar->syntax();
      if (option.fallback) words += fmt::format(" (default: {})", *option.fallback);
      append_wrapped(text, words, kHelpColumn);
    }
  }
  return text;
}

}  // namespace gradpath::cli
