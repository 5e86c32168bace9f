#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/round/random.hpp"
#include "sim/verify/banks/stages/stages.hpp"
#include "sim/verify/checks/result.hpp"
#include "sim/verify/stimulus/stream_ends.hpp"
#include "sim/verify/stimulus/stream_script.hpp"

namespace gradpath::verify {

/// Compares a stream beat by beat with what came out; `what` names it in the report.
void compare_beats(const std::string& what, const std::vector<Beat>& expected,
                   const StreamSink& sink, std::size_t lanes, Result& result);

/// Chances of a stall in a cycle, in 256ths: 0 is full rate. output: or kWaitsForAnOffer.
struct Stalls {
  std::uint32_t input = 0;
  std::uint32_t output = 0;
};

/// Sends a script through a row and compares every element, the order, masks and last flags; at
/// full rate also the number of cycles. Counts into `result`, which also gets failed assertions of
/// the RTL.
void run_script(StageBank& bank, std::size_t row, const StreamScript& script, Stalls stalls,
                Seed seed, Result& result);

/// Cycles from the acceptance of a beat to the first in which it can be taken (rtl/README.md).
inline constexpr std::uint64_t kLatencyCycles = 2;

}  // namespace gradpath::verify
