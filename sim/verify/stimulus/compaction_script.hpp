#pragma once

#include <cstddef>
#include <vector>

#include "models/format/format.hpp"
#include "sim/verify/banks/beat.hpp"

namespace gradpath::verify {

/// Beats of codes, and what the golden model makes of their runs.
struct CompactionScript {
  std::vector<Beat> input;
  std::vector<Beat> bitmap;
  std::vector<Beat> codes;
  std::vector<Beat> unpacked;
};

/// The codes of a run, W a beat: the last beat holds what remains, which is nothing of no codes.
void append_code_beats(const std::vector<Code>& codes, std::size_t lanes, std::vector<Beat>& out);

/// A run of beats, the last of which is `last`.
void append_run(const Format& format, std::size_t lanes, const std::vector<Beat>& run,
                CompactionScript& script);

}  // namespace gradpath::verify
