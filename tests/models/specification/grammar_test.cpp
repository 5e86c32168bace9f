#include "models/specification/grammar.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/mac/accumulator.hpp"
#include "models/prune/policy.hpp"
#include "models/round/rounding.hpp"
#include "models/scale/scaling.hpp"
#include "models/schemes/schemes.hpp"
#include "models/sparse/dispatch.hpp"
#include "models/specification/nearest.hpp"

namespace gradpath {
namespace {

using Kind = Parameter::Kind;

struct Row : Form {
  int value = 0;
};
constexpr std::array<Row, 4> kRows = {{
    {{"plain", "nothing more"}, 1},
    {{"numbers",
      "two of them",
      {Parameter::integer("N", "how many", 1, 9),
       Parameter::real("X", "how much", 0, 2).optional()}},
     2},
    {{"words",
      "either may be left out",
      {Parameter::of(Kind::word, "a|b", "first").optional("a"),
       Parameter::of(Kind::word, "c|d", "second").optional("c"),
       Parameter::of(Kind::text, "T", "third").optional("t")}},
     3},
    {{"file",
      "a path",
      {Parameter::of(Kind::word, "w", "first").optional(),
       Parameter::of(Kind::rest, "FILE", "the file")}},
     4},
}};
const Table<Row>& rows() {
  static const Table<Row> table("thing", kRows, "a colour");
  return table;
}

std::string message(std::string_view text) {
  try {
    static_cast<void>(rows().parse(text));
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<std::string> texts(std::string_view text) {
  const auto [row, parameters] = rows().parse(text);
  std::vector<std::string> all{std::string(row.name)};
  for (std::size_t i = 0; i < 3; ++i) {
    all.push_back(parameters.has(i) ? std::string(parameters.text(i)) : "-");
  }
  return all;
}

TEST(Grammar, ShowsWhatItReads) {
  EXPECT_EQ(rows().syntax(),
            "plain, numbers:N[:X], words[:a|b][:c|d][:T], file[:w]:FILE or a colour");
}

TEST(Grammar, ReadsParametersAndFillsInWhatIsLeftOut) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts("plain"), (Texts{"plain", "-", "-", "-"}));
  EXPECT_EQ(texts("numbers:9:0.5"), (Texts{"numbers", "9", "0.5", "-"}));
  EXPECT_EQ(texts("numbers:1"), (Texts{"numbers", "1", "-", "-"}));
  EXPECT_EQ(texts("words"), (Texts{"words", "a", "c", "t"}));
  EXPECT_EQ(texts("words:d"), (Texts{"words", "a", "d", "t"}));
  EXPECT_EQ(texts("words:b:x"), (Texts{"words", "b", "c", "x"}));
  EXPECT_EQ(texts("file:w:/a:b"), (Texts{"file", "w", "/a:b", "-"}));
  EXPECT_EQ(texts("file:/w"), (Texts{"file", "-", "/w", "-"}));
  EXPECT_EQ(rows().parse("numbers:7:1.25").parameters.integer(0), 7);
  EXPECT_EQ(rows().parse("numbers:7:1.25").parameters.real(1), 1.25);
}

TEST(Grammar, SaysWhatIsWrongAndWhatWouldBeRight) {
  EXPECT_EQ(message("plian"),
            "thing 'plian' is not known; the nearest is 'plain'; expected plain, numbers:N[:X], "
            "words[:a|b][:c|d][:T], file[:w]:FILE or a colour");
  EXPECT_EQ(message("plain:1"),
            "thing 'plain:1': '1' has no meaning here (2 parts); expected plain");
  EXPECT_EQ(message("numbers"), "thing 'numbers': how many N is missing; expected numbers:N[:X]");
  EXPECT_EQ(message("numbers:10"),
            "thing 'numbers:10': how many N is '10'; expected 1 to 9, as in numbers:N[:X]");
  EXPECT_EQ(message("numbers:1:2.5"),
            "thing 'numbers:1:2.5': how much X is '2.5'; expected a number from 0 to 2, as in "
            "numbers:N[:X]");
  for (const char* text : {"", "plain:", "numbers:", "numbers:+1", "numbers:1.0", "numbers:1:",
                           "numbers:1:nan", "numbers:1:0x1", "numbers:1:1:1", "words:b:c:x:y",
                           "file", "file:", "file:w", "file:w:", "Plain", " plain"}) {
    EXPECT_NE(message(text), "accepted") << text;
  }
}

// The kinds that users write. A typing error must lead to the name that was meant.
struct Typo {
  const Grammar& (*grammar)();
  const char* written;
  const char* meant;
};
class EveryGrammar : public testing::TestWithParam<Typo> {};

TEST_P(EveryGrammar, SaysTheNearestName) {
  const auto& [grammar, written, meant] = GetParam();
  try {
    static_cast<void>(grammar().parse(written));
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("the nearest is '" + std::string(meant) + "'"),
              std::string::npos)
        << error.what();
  }
}

TEST_P(EveryGrammar, HasRowsWithNamesOfTheirOwnAndHelp) {
  std::vector<std::string_view> names;
  for (const Form* form : GetParam().grammar().forms()) {
    EXPECT_FALSE(form->name.empty());
    EXPECT_FALSE(form->help.empty()) << form->name;
    EXPECT_EQ(std::ranges::count(names, form->name), 0) << form->name;
    names.push_back(form->name);
  }
  EXPECT_GE(names.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(, EveryGrammar,
                         testing::Values(Typo{rounding_grammar, "rnee", "rne"},
                                         Typo{rounding_grammar, "sru8:4", "sru"},
                                         Typo{overflow_grammar, "saturated", "saturate"},
                                         Typo{flush_grammar, "outputs", "output"},
                                         Typo{nan_policy_grammar, "errors", "error"},
                                         Typo{scaling_grammar, "amax_po2", "amax-po2"},
                                         Typo{scaling_grammar, "nvfp:16", "nvfp4"},
                                         Typo{scale_grammar, "expectedmax", "expected-max"},
                                         Typo{scale_rule_grammar, "flor", "floor"},
                                         Typo{prune_policy_grammar, "stocastic", "stochastic"},
                                         Typo{prune_policy_grammar, "top-k", "topk"},
                                         Typo{alpha_grammar, "histogramm:1", "histogram"},
                                         Typo{dispatch_grammar, "rowskip:64", "row-skip"},
                                         Typo{scheme_grammar, "wag:8", "wage"},
                                         Typo{accumulator_grammar, "hopper-fp9", "hopper-fp8"}),
                         [](const auto& typo) { return std::to_string(typo.index); });

TEST(Nearest, IsTheCandidateWithTheFewestEdits) {
  const std::vector<std::string_view> names{"formats", "fit", "cast", "prune"};
  EXPECT_EQ(nearest("frmats", names), "formats");
  EXPECT_EQ(nearest("fitt", names), "fit");
  EXPECT_EQ(nearest("prnue", names), "prune");
  EXPECT_EQ(nearest("cats", names), "cast");
  EXPECT_EQ(nearest("x", {}), "");
}

}  // namespace
}  // namespace gradpath
