#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gradpath::verify {

class StreamBank;

/// What a waveform can show of a result: a row of StreamBank, and how to record it there.
struct Scene {
  std::size_t row = 0;
  /// The bank has a trace open. Returns the ns of the clock edge at which the mismatch was seen, or
  /// else at which the stream begins.
  std::function<std::uint64_t(StreamBank&)> record;
};

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
  /// Around the first mismatch, or of the first stream if all are equal; none where the module
  /// cannot be recorded. What the check looked at must still be there.
  std::optional<Scene> scene = {};

  /// Counts one comparison; `describe` is called for the first mismatch alone.
  template <class Describe>
  void count(bool equal, Describe&& describe) {
    ++vectors;
    if (equal) return;
    if (mismatches == 0) first_mismatch = describe();
    ++mismatches;
  }
};

/// A piece of work that can run on any thread, beside all others.
using Check = std::function<std::vector<Result>()>;

/// Adds up the results of one module and parameters, in the order given; the first mismatch of the
/// first that has one stays.
[[nodiscard]] std::vector<Result> merge(std::span<const std::vector<Result>> results);

/// True if every result made at least one comparison and none failed, and there is a result at all:
/// a run that compared nothing has shown nothing.
[[nodiscard]] bool all_equal(std::span<const Result> results);

}  // namespace gradpath::verify
