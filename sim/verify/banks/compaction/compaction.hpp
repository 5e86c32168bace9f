#pragma once

#include <cstddef>
#include <optional>

#include "models/format/format.hpp"
#include "sim/verify/banks/beat.hpp"
#include "sim/verify/banks/stream_bank.hpp"

namespace gradpath::verify {

// rtl/compactor.sv and rtl/decompactor.sv. In a beat of a bitmap the word of a lane is its bit.

struct CompactionRow {
  Format format;
  std::size_t lanes = 0;
};

struct Compactor {
  using Row = CompactionRow;
  struct Seeds {};
  struct Inputs {
    std::optional<Beat> beat = {};
    bool bitmap_ready = false;
    bool codes_ready = false;
  };
  struct View {
    bool ready = false;
    std::optional<Beat> bitmap = {};
    std::optional<Beat> codes = {};
    friend bool operator==(const View&, const View&) = default;
  };
};

struct Decompactor {
  using Row = CompactionRow;
  struct Seeds {};
  struct Inputs {
    std::optional<Beat> bitmap = {};
    std::optional<Beat> codes = {};
    bool ready = false;
  };
  struct View {
    bool bitmap_ready = false;
    bool codes_ready = false;
    std::optional<Beat> output = {};
    friend bool operator==(const View&, const View&) = default;
  };
};

using CompactorBank = StreamBank<Compactor>;
using DecompactorBank = StreamBank<Decompactor>;

}  // namespace gradpath::verify
