#include "sim/datapath/dataflow/dataflow.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/datapath/dataflow/plan.hpp"

namespace gradpath {
namespace {

/// Operands enter at the edges, one step a cycle, each row and column a cycle after the one before:
/// the last corner begins so much later than the first.
Cycles skew(const DatapathConfig& config) {
  return Cycles{config.array_rows} + config.array_columns - 2;
}

constexpr std::array kDataflows = {
    Dataflow{"output-stationary",
             "sums stay; A and B are broadcast to the array's rows and columns",
             Dataflow::Holds::sums, true,
             [](const Pass&, const DatapathConfig&, Cycles dispatched) { return dispatched; }},
    Dataflow{"weight-stationary",
             "a block of B stays, loaded a row a cycle; a row of A is broadcast each cycle",
             Dataflow::Holds::operand, false,
             [](const Pass& pass, const DatapathConfig& config, Cycles) {
               return Cycles{config.array_rows} + pass.rows;
             }},
    Dataflow{"systolic-os", "sums stay; A and B are handed on from neighbour to neighbour",
             Dataflow::Holds::sums, false,
             [](const Pass&, const DatapathConfig& config, Cycles dispatched) {
               return dispatched + skew(config);
             }},
    Dataflow{"systolic-ws", "a block of B stays; A and the sums are handed on",
             Dataflow::Holds::operand, false,
             [](const Pass& pass, const DatapathConfig& config, Cycles) {
               return Cycles{config.array_rows} + pass.rows + skew(config);
             }},
};

}  // namespace

std::span<const Dataflow> dataflows() { return kDataflows; }

std::string dataflow_names() {
  std::string names;
  for (const Dataflow& dataflow : kDataflows) {
    names.append(names.empty() ? "" : ", ").append(dataflow.name);
  }
  return names;
}

const Dataflow& find_dataflow(std::string_view name) {
  const auto* const found = std::ranges::find(kDataflows, name, &Dataflow::name);
  if (found != kDataflows.end()) return *found;
  throw UserError(fmt::format("unknown dataflow '{}', expected one of {}", name, dataflow_names()));
}

}  // namespace gradpath
