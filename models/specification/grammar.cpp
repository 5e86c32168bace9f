#include "models/specification/grammar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/specification/nearest.hpp"

namespace gradpath {
namespace {

using Kind = Parameter::Kind;

// The whole text as a number; nothing otherwise.
template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool has_word(std::string_view words, std::string_view word) {
  for (;;) {
    const std::size_t bar = words.find('|');
    if (words.substr(0, bar) == word) return !word.empty();
    if (bar == std::string_view::npos) return false;
    words.remove_prefix(bar + 1);
  }
}

bool fits(const Parameter& parameter, std::string_view part) {
  switch (parameter.kind) {
    case Kind::integer: {
      const auto value = number<std::int64_t>(part);
      return value && static_cast<double>(*value) >= parameter.least &&
             static_cast<double>(*value) <= parameter.most;
    }
    case Kind::real: {
      const auto value = number<double>(part);
      return value && *value >= parameter.least && *value <= parameter.most;
    }
    case Kind::power_of_two: {
      const auto value = number<float>(part);
      int exponent = 0;
      return value && std::isnormal(*value) && std::frexp(*value, &exponent) == 0.5f;
    }
    case Kind::word:
      return has_word(parameter.name, part);
    case Kind::rest:
      return !part.empty();
    case Kind::none:
    case Kind::text:
      break;
  }
  return true;
}

std::string range(const Parameter& parameter) {
  switch (parameter.kind) {
    case Kind::integer:
      return fmt::format("{} to {}", static_cast<std::int64_t>(parameter.least),
                         static_cast<std::int64_t>(parameter.most));
    case Kind::real:
      return fmt::format("a number from {:g} to {:g}", parameter.least, parameter.most);
    case Kind::power_of_two:
      return "a power of two, e.g. 32768";
    case Kind::none:
    case Kind::word:
    case Kind::text:
    case Kind::rest:
      break;
  }
  return parameter.grammar == nullptr ? std::string() : parameter.grammar().syntax();
}

}  // namespace

std::string Form::syntax() const {
  std::string all(name);
  std::string close;
  for (const Parameter& parameter : parameters) {
    if (parameter.kind == Kind::none) break;
    all += fmt::format("{}:{}", parameter.is_optional ? "[" : "", parameter.name);
    // What follows a word can stand without it, what follows another parameter cannot.
    if (parameter.is_optional) (parameter.kind == Kind::word ? all : close) += ']';
  }
  return all + close;
}

std::int64_t Parameters::integer(std::size_t i) const {
  return number<std::int64_t>(parts_.at(i)).value();
}
double Parameters::real(std::size_t i) const { return number<double>(parts_.at(i)).value(); }

std::string Grammar::syntax() const {
  std::string all;
  const std::size_t count = forms_.size() + (other_.empty() ? 0 : 1);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) all += i + 1 == count ? " or " : ", ";
    all += i < forms_.size() ? forms_[i]->syntax() : std::string(other_);
  }
  return all;
}

std::string Grammar::help() const {
  std::string all;
  for (const Form* form : forms_) {
    all += fmt::format("  {:<28}  {}\n", form->syntax(), form->help);
    for (const Parameter& parameter : form->parameters) {
      if (parameter.kind == Kind::none) break;
      all += fmt::format("{:<32}{}: {}", "", parameter.name, parameter.meaning);
      if (const std::string limits = range(parameter); !limits.empty()) all += ", " + limits;
      if (!parameter.fallback.empty()) all += fmt::format(" (default: {})", parameter.fallback);
      all += '\n';
    }
    if (!form->source.empty()) all += fmt::format("{:<32}{}\n", "", form->source);
  }
  if (!other_.empty()) all += fmt::format("  or {}\n", other_);
  return all;
}

std::optional<Grammar::Match> Grammar::find(std::string_view text, std::string_view shown) const {
  const std::size_t colon = text.find(':');
  const Form* form = nullptr;
  for (const Form* one : forms_) {
    if (one->name == text.substr(0, colon)) form = one;
  }
  if (form == nullptr) return std::nullopt;
  Match match{form, {}};
  // With its first colon, or empty.
  std::string_view left = text.substr(std::min(colon, text.size()));
  const auto fail = [&](const std::string& what) {
    throw UserError(
        fmt::format("{} '{}': {} {}", kind_, shown.empty() ? text : shown, what, form->syntax()));
  };
  for (std::size_t i = 0; i < form->parameters.size(); ++i) {
    const Parameter& parameter = form->parameters[i];
    if (parameter.kind == Kind::none) break;
    std::string_view part = left.substr(std::min<std::size_t>(1, left.size()));
    if (parameter.kind != Kind::rest) part = part.substr(0, part.find(':'));
    const bool is_fit = !left.empty() && fits(parameter, part);
    if (is_fit) {
      match.parameters.parts_[i] = part;
      left.remove_prefix(part.size() + 1);
    } else if (parameter.is_optional && (left.empty() || parameter.kind == Kind::word)) {
      if (!parameter.fallback.empty()) match.parameters.parts_[i] = parameter.fallback;
    } else if (left.empty() || (part.empty() && parameter.kind == Kind::rest)) {
      fail(fmt::format("{} {} is missing; expected", parameter.meaning, parameter.name));
    } else {
      fail(fmt::format("{} {} is '{}'; expected {}, as in", parameter.meaning, parameter.name, part,
                       range(parameter)));
    }
  }
  if (!left.empty()) {
    fail(fmt::format("'{}' has no meaning here ({} parts); expected", left.substr(1),
                     1 + std::ranges::count(text, ':')));
  }
  return match;
}

Grammar::Match Grammar::parse(std::string_view text, std::string_view shown) const {
  if (const auto match = find(text, shown)) return *match;
  refuse(shown.empty() ? text : shown);
}

void Grammar::refuse(std::string_view text) const {
  std::vector<std::string_view> names;
  for (const Form* form : forms_) names.push_back(form->name);
  throw UserError(fmt::format("{} '{}' is not known; the nearest is '{}'; expected {}", kind_, text,
                              nearest(text.substr(0, text.find(':')), names), syntax()));
}

}  // namespace gradpath
