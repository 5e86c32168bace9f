#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "models/format/format.hpp"
#include "models/prune/threshold_unit.hpp"
#include "sim/verify/banks/beat.hpp"
#include "sim/verify/banks/stream_bank.hpp"

namespace gradpath::verify {

/// rtl/amax_unit.sv, rtl/threshold_histogram.sv and rtl/threshold_log.sv: one answer a stream.
struct Statistics {
  enum class Unit : std::uint8_t { amax, histogram, log };
  struct Row {
    Unit unit = Unit::amax;
    std::size_t lanes = 0;
    Format format = {};                      ///< of an amax unit
    HistogramThreshold::Config config = {};  ///< of a histogram
    /// Elements that its counters can hold in one stream; of an amax unit any number.
    std::size_t max_elements = std::numeric_limits<std::size_t>::max();
  };
  struct Seeds {};
  struct Inputs {
    std::uint16_t target = 0;
    std::optional<Beat> beat = {};
    bool ready = false;  ///< to take the answer
  };
  struct Answer {
    std::uint32_t magnitude = 0;  ///< amax or threshold, fp32 bits
    int scale_exponent = 0;       ///< of an amax unit
    friend bool operator==(const Answer&, const Answer&) = default;
  };
  struct View {
    bool ready = false;
    std::optional<Answer> answer = {};
    friend bool operator==(const View&, const View&) = default;
  };
};

using StatisticsBank = StreamBank<Statistics>;

}  // namespace gradpath::verify
