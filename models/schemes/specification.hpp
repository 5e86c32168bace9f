#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace gradpath {

/// The parameters of a scheme's specification, read from left to right.
class Specification {
 public:
  /// text: the whole, expected: how it is written; both for messages. parameters: empty, or a colon
  /// and what follows.
  Specification(std::string_view text, std::string expected, std::string_view parameters)
      : text_(text), expected_(std::move(expected)), rest_(parameters) {}

  /// The next parameter as an integer within [least, most]; UserError else, also if there is none.
  [[nodiscard]] int integer(std::string_view what, int least, int most);
  /// The next parameter if it is one of the words, else the first of them (may be empty): an option
  /// left out.
  [[nodiscard]] std::string_view choice(std::initializer_list<std::string_view> words);
  /// All that is left, colons included; UserError if nothing is.
  [[nodiscard]] std::string rest(std::string_view what);
  /// UserError if anything is left.
  void finish() const;
  [[noreturn]] void fail(std::string_view reason) const;

 private:
  [[nodiscard]] std::string_view next() const;  ///< without its colon

  std::string text_;
  std::string expected_;
  std::string rest_;
};

}  // namespace gradpath
