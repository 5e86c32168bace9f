#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/prune/threshold_unit.hpp"
#include "sim/verify/banks/beat.hpp"
#include "sim/verify/banks/rows.hpp"
#include "sim/verify/banks/stream_bank.hpp"

namespace gradpath::verify {

/// rtl/front_end.sv, saturating. In a beat of a bitmap the word of a lane is its bit.
struct FrontEnd {
  struct Row {
    std::size_t lanes = 0;
    QuantizerRow quantizer = {};
    bool uses_logs = false;
    int pruner_random_bits = 0;
    HistogramThreshold::Config histogram = {};
    std::size_t max_elements = 0;  ///< that its counters can hold in one stream
  };
  /// A lane each, those missing 0.
  struct Seeds {
    std::vector<std::uint32_t> pruner = {};
    std::vector<std::uint32_t> quantizer = {};
  };
  /// Threshold (fp32 bits) and scale exponent.
  struct Setting {
    std::uint32_t alpha = 0;
    int scale_exponent = 0;
    friend bool operator==(const Setting&, const Setting&) = default;
  };
  struct Inputs {
    std::optional<Beat> beat = {};
    std::uint16_t target = 0;
    bool adapt = false;
    std::optional<Setting> load = {};
    bool bitmap_ready = false;
    bool codes_ready = false;
  };
  struct View {
    bool ready = false;
    Setting setting = {};
    std::optional<Beat> bitmap = {};
    std::optional<Beat> codes = {};
    friend bool operator==(const View&, const View&) = default;
  };
};

using FrontEndBank = StreamBank<FrontEnd>;

}  // namespace gradpath::verify
