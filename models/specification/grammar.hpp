#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradpath {

class Grammar;

/// What one parameter of a specification takes.
struct Parameter {
  enum class Kind : std::uint8_t {
    none,          ///< the place is not used
    integer,       ///< from `least` to `most`
    real,          ///< a finite number from `least` to `most`
    power_of_two,  ///< a normal fp32
    word,          ///< one of `name`'s; passed over where something else stands
    text,          ///< up to the next colon, for whoever makes the thing
    rest,          ///< all that is left, colons included, not empty
  };
  Kind kind = Kind::none;
  std::string_view name = {};     ///< as the syntax shows it, `BLOCK`; of a word, its words, `a|b`
  std::string_view meaning = {};  ///< a few words for help and messages
  double least = 0;
  double most = 0;
  bool is_optional = false;
  std::string_view fallback = {};         ///< the text that stands for one left out; may be empty
  const Grammar& (*grammar)() = nullptr;  ///< what a `text` or `rest` is written in, for help

  static constexpr Parameter integer(std::string_view name, std::string_view meaning,
                                     std::int64_t least, std::int64_t most) {
    return {Kind::integer, name, meaning, static_cast<double>(least), static_cast<double>(most)};
  }
  static constexpr Parameter real(std::string_view name, std::string_view meaning, double least,
                                  double most) {
    return {Kind::real, name, meaning, least, most};
  }
  static constexpr Parameter of(Kind kind, std::string_view name, std::string_view meaning,
                                const Grammar& (*grammar)() = nullptr) {
    return {.kind = kind, .name = name, .meaning = meaning, .grammar = grammar};
  }
  [[nodiscard]] constexpr Parameter optional(std::string_view text = {}) const {
    Parameter result = *this;
    result.is_optional = true;
    result.fallback = text;
    return result;
  }
};

/// How one thing of a kind is written: NAME[:PARAMETER...]. Tables derive their rows from it and
/// add what the name stands for.
struct Form {
  std::string_view name;
  std::string_view help;  ///< one line
  std::array<Parameter, 3> parameters = {};
  std::string_view source = {};  ///< of the literature; may be empty

  /// `int:B[:real|po2][:rne|sr]`.
  [[nodiscard]] std::string syntax() const;
};

/// The parameters of one specification, checked against its form. Refers to the text read.
class Parameters {
 public:
  /// Given, or with a fallback.
  [[nodiscard]] bool has(std::size_t i) const { return parts_[i].data() != nullptr; }
  /// Empty where there is none.
  [[nodiscard]] std::string_view text(std::size_t i) const { return parts_[i]; }
  /// For parameters that are numbers and there.
  [[nodiscard]] std::int64_t integer(std::size_t i) const;
  [[nodiscard]] double real(std::size_t i) const;

 private:
  friend class Grammar;
  std::array<std::string_view, std::tuple_size_v<decltype(Form::parameters)>> parts_ = {};
};

/// The one grammar of everything that is chosen by a specification NAME[:PARAMETER...]: its rows
/// give the parser, the messages, the help and the shell's completion.
class Grammar {
 public:
  struct Match {
    const Form* form;
    Parameters parameters;
  };

  /// kind: what messages call it, e.g. `scale`. other: what may be written beside the rows, read by
  /// the caller, e.g. `a positive number`; may be empty.
  explicit Grammar(std::string_view kind, std::string_view other = {})
      : kind_(kind), other_(other) {}
  /// The rows, which must outlive the grammar, in the order that help shows.
  template <class Row>
  Grammar& add(std::span<const Row> rows) {
    for (const Row& row : rows) forms_.push_back(&row);
    return *this;
  }

  [[nodiscard]] std::string_view kind() const { return kind_; }
  [[nodiscard]] std::string_view other() const { return other_; }
  [[nodiscard]] std::span<const Form* const> forms() const { return forms_; }
  /// All that may be written: `none, amax, mx[:BLOCK[:RULE]] or a positive number`.
  [[nodiscard]] std::string syntax() const;
  /// A line a row, its parameters and their ranges below it.
  [[nodiscard]] std::string help() const;

  /// Nothing if no row has the name; UserError where the parameters are not the row's. shown: the
  /// text as the user wrote it, if it was completed before.
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::string_view shown = {}) const;
  /// The same, with a UserError that says the nearest name if no row has it.
  [[nodiscard]] Match parse(std::string_view text, std::string_view shown = {}) const;
  [[noreturn]] void refuse(std::string_view text) const;

 private:
  std::string_view kind_;
  std::string_view other_;
  std::vector<const Form*> forms_;
};

/// A grammar over one table.
template <class Row>
class Table : public Grammar {
 public:
  struct Found {
    const Row& row;
    Parameters parameters;
  };

  Table(std::string_view kind, std::span<const Row> rows, std::string_view other = {})
      : Grammar(kind, other), rows_(rows) {
    add(rows);
  }
  [[nodiscard]] std::span<const Row> rows() const { return rows_; }
  [[nodiscard]] Found parse(std::string_view text, std::string_view shown = {}) const {
    const Match match = Grammar::parse(text, shown);
    return {static_cast<const Row&>(*match.form), match.parameters};
  }

 private:
  std::span<const Row> rows_;
};

/// A row that is a name for an enumerator.
template <class Enum>
struct Choice : Form {
  Enum value;
};

/// The name of a value that has a row.
template <class Enum>
[[nodiscard]] std::string_view name_of(const Table<Choice<Enum>>& table, Enum value) {
  for (const auto& row : table.rows()) {
    if (row.value == value) return row.name;
  }
  return {};
}

}  // namespace gradpath
