#include "models/sparse/dispatch.hpp"

#include <array>

namespace gradpath {
namespace {

struct Row : Form {
  DispatchPtr (*make)(const Parameters& parameters);
};

constexpr auto kWindow = Parameter::integer("L", "the window", 1, 1 << 20).optional("64");

constexpr std::array<Row, 6> kDispatches = {{
    {{"dense", "zeros are multiplied like all else"}, make_dense_dispatch},
    {{"row-skip", "each row skips its zeros inside windows of L positions of k", {kWindow}},
     make_row_skip_dispatch},
    {{"share",
      "rows work ahead inside a moving window of L positions that advances by at most A a cycle; "
      "groups of G rows share their nonzeros",
      {Parameter::integer("G", "rows of a group", 1, 4096), kWindow,
       Parameter::integer("A", "rows of B a cycle", 1, 1 << 20).optional("8")}},
     make_share_dispatch},
    {{"tensordash",
      "16 lanes look ahead two rows and aside for nonzeros",
      {},
      "Mahmoud et al., MICRO 2020"},
     make_tensordash_dispatch},
    {{"nm",
      "groups of M positions take N cycles, M where a row has more than N nonzeros",
      {Parameter::integer("N", "nonzeros of a group", 1, 1 << 10),
       Parameter::integer("M", "positions of a group", 1, 1 << 10)}},
     make_nm_dispatch},
    {{"two-sided", "as row-skip:64, but zeros of the dense operand are skipped too"},
     make_two_sided_dispatch},
}};

const Table<Row>& dispatches() {
  static const Table<Row> table("dispatch", kDispatches);
  return table;
}

}  // namespace

DispatchPtr parse_dispatch(std::string_view text) {
  const auto [row, parameters] = dispatches().parse(text);
  return row.make(parameters);
}

const Grammar& dispatch_grammar() { return dispatches(); }

}  // namespace gradpath
