#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
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

/// One end of a stream that stands still in some cycles of a run.
struct Hold {
  bool input = false;
  std::uint64_t first = 0;
  std::uint64_t cycles = 0;

  [[nodiscard]] bool holds(std::uint64_t cycle) const {
    return cycle >= first && cycle < first + cycles;
  }
};

/// How a script is run: the script itself after a reset that breaks another run of it off after
/// `broken_off` cycles, of which nothing may be seen.
struct Running {
  Stalls stalls = {};
  Hold hold = {};
  std::uint64_t broken_off = 5;
};

/// Sends a script through a row and compares every element, the order, masks and last flags; at
/// full rate, but for a hold, also the number of cycles. Counts into `result`, which also gets
/// failed assertions of the RTL.
void run_script(StageBank& bank, std::size_t row, const StreamScript& script,
                const Running& running, Seed seed, Result& result);

/// Counts a mismatch if what the row shows depends on any input within a cycle.
template <class Bank>
void check_registered(Bank& bank, std::size_t row,
                      std::initializer_list<typename Bank::Inputs> inputs, Result& result) {
  const auto view = bank.view(row);
  for (const auto& at_pins : inputs) {
    bank.drive(at_pins);
    result.count(bank.view(row) == view, bank.ticks(),
                 [] { return std::string("what it shows depends on an input within a cycle"); });
  }
}

/// Cycles from the acceptance of a beat to the first in which it can be taken (rtl/README.md).
inline constexpr std::uint64_t kLatencyCycles = 2;

}  // namespace gradpath::verify
