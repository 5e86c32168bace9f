#include "models/schemes/specification.hpp"

#include <charconv>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {

std::string_view Specification::next() const {
  if (rest_.empty()) return {};
  const std::string_view parameters = std::string_view(rest_).substr(1);
  return parameters.substr(0, parameters.find(':'));
}

int Specification::integer(std::string_view what, int least, int most) {
  const std::string_view digits = next();
  int value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, value);
  if (failure != std::errc() || stop != end || value < least || value > most) {
    fail(fmt::format("{} must be an integer from {} to {}", what, least, most));
  }
  rest_.erase(0, digits.size() + 1);
  return value;
}

std::string_view Specification::choice(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (!word.empty() && next() == word) {
      rest_.erase(0, word.size() + 1);
      return word;
    }
  }
  return *words.begin();
}

std::string Specification::rest(std::string_view what) {
  if (rest_.size() < 2) fail(fmt::format("{} is missing", what));
  std::string all = rest_.substr(1);
  rest_.clear();
  return all;
}

void Specification::finish() const {
  if (!rest_.empty()) fail(fmt::format("'{}' has no meaning here", rest_.substr(1)));
}

void Specification::fail(std::string_view reason) const {
  throw UserError(fmt::format("scheme '{}': {}; expected {}", text_, reason, expected_));
}

}  // namespace gradpath
