#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gradpath::verify {

class Waveform;

/// What one RTL module with one set of parameters said, against the golden model.
struct Result {
  std::string module;
  std::string format = {};    ///< format_name; empty where the module has none
  std::string rounding = {};  ///< rounding_name; empty where the module has none
  std::string overflow = {};  ///< overflow_name; empty where the module has none
  std::string scale = {};     ///< "exponent" where the module has a scale exponent
  std::uint64_t vectors = 0;
  std::uint64_t mismatches = 0;
  std::string first_mismatch = {};  ///< input, word, expected, got in hex; empty if all are equal
  std::uint64_t tick = 0;           ///< of its bank, in which the first mismatch was seen
  std::size_t check = 0;  ///< of those merged: which had it, or if there is none the first

  /// Counts one comparison, in a tick of the bank; `describe` is called for the first mismatch
  /// alone.
  template <class Describe>
  void count(bool equal, std::uint64_t at, Describe&& describe) {
    ++vectors;
    if (equal) return;
    if (mismatches == 0) {
      first_mismatch = describe();
      tick = at;
    }
    ++mismatches;
  }
  /// Counts a failure where a property of the RTL (an immediate assertion) failed in a tick.
  void count_assertion(const std::optional<std::uint64_t>& failed);
};

/// A piece of work that can run on any thread, beside all others, and again with the same result.
/// A waveform, or null, shows the row of the bank that it looks at; it then ends with
/// Waveform::Complete once the window is over.
using Check = std::function<std::vector<Result>(Waveform*)>;

/// Adds up the results of one module and parameters, in the order given; the first mismatch of the
/// first that has one stays.
[[nodiscard]] std::vector<Result> merge(std::span<const std::vector<Result>> results);

/// True if every result made at least one comparison and none failed, and there is a result at all:
/// a run that compared nothing has shown nothing.
[[nodiscard]] bool all_equal(std::span<const Result> results);

}  // namespace gradpath::verify
