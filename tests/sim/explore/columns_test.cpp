// The lists of columns, and the page that is made from them: docs/columns.md. After a change of a
// list, GRADPATH_WRITE_DOCS=1 explore_test --gtest_filter='Columns.*' writes it anew.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/explore/column.hpp"
#include "sim/explore/fit_run.hpp"
#include "sim/explore/matrix_product.hpp"
#include "sim/explore/prune_columns.hpp"
#include "sim/explore/sweep_columns.hpp"
#include "sim/explore/tensor_cast.hpp"
#include "sim/explore/threshold_columns.hpp"

namespace gradpath {
namespace {

constexpr std::string_view kPath = GRADPATH_SOURCE_DIR "/docs/columns.md";

// Calls visit(verb and options, columns) for every list.
template <class Visit>
void for_lists(Visit visit) {
  visit("gradpath cast", cast_columns());
  visit("gradpath cast --scheme", scheme_columns());
  visit("gradpath fit, gradpath profile", count_columns());
  visit("gradpath fit", fit_columns());
  visit("gradpath fit --generalised", generalised_columns());
  visit("gradpath fit --p-values", p_value_columns());
  visit("gradpath fit PROFILE", profile_fit_columns());
  visit("gradpath gemm", product_columns());
  visit("gradpath gemm --report", product_error_columns());
  visit("gradpath gemm --histogram", ulp_histogram_columns());
  visit("gradpath prune", prune_columns());
  visit("gradpath prune --allocate", allocation_columns());
  visit("gradpath prune --time", time_columns());
  visit("gradpath sweep", sweep_columns());
  visit("gradpath sweep --cost", cost_columns());
  visit("gradpath sweep --pareto", front_columns());
  visit("gradpath sweep --best", best_columns());
  visit("gradpath verify --thresholds", threshold_columns());
}

std::string page() {
  std::string text =
      "# Columns\n\n"
      "What every column of the results means, in the order of CSV and JSON. In units, x is the "
      "unit of the tensor's elements and 1 a plain number; x in a formula is an element and q what "
      "became of it. This page is made from the program's own lists by "
      "`tests/sim/explore/columns_test.cpp`, which also checks it.\n";
  for_lists([&]<class Row>(std::string_view caption, std::span<const Column<Row>> columns) {
    text += fmt::format("\n## {}\n\n| column | unit | meaning |\n| --- | --- | --- |\n", caption);
    bool is_hidden = false;
    for (const auto& column : columns) {
      is_hidden |= column.shown == Shown::no;
      text += fmt::format("| `{}`{} | {} | {} |\n", column.name,
                          column.shown == Shown::no ? " *" : "", column.unit, column.meaning);
    }
    if (is_hidden) text += "\n\\* only in the SQLite file of `--db`.\n";
  });
  return text;
}

TEST(Columns, EachSaysWhatItIsAndHasANameOfItsOwn) {
  std::size_t lists = 0;
  for_lists([&](std::string_view caption, auto columns) {
    ++lists;
    std::set<std::string_view> names;
    for (const auto& column : columns) {
      EXPECT_TRUE(names.insert(column.name).second) << caption << ": " << column.name;
      EXPECT_FALSE(column.meaning.empty()) << caption << ": " << column.name;
    }
  });
  EXPECT_GE(lists, 4u);
}

TEST(Columns, ThePageSaysWhatTheListsSay) {
  if (std::getenv("GRADPATH_WRITE_DOCS") != nullptr) std::ofstream(kPath.data()) << page();
  std::ostringstream found;
  found << std::ifstream(kPath.data()).rdbuf();
  EXPECT_EQ(found.str(), page());
}

}  // namespace
}  // namespace gradpath
