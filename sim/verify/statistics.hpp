#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "models/format/format.hpp"
#include "models/prune/threshold_unit.hpp"
#include "sim/verify/streams.hpp"

namespace gradpath::verify {

/// Every rtl/amax_unit.sv, rtl/threshold_histogram.sv and rtl/threshold_log.sv that was built
/// (harness/statistics_table.sv), clock by clock. One object a thread.
class StatisticsBank {
 public:
  enum class Unit : std::uint8_t { amax, histogram, log };
  struct Row {
    Unit unit = Unit::amax;
    std::size_t lanes = 0;
    Format format = {};                      ///< of an amax unit
    HistogramThreshold::Config config = {};  ///< of a histogram
    /// Elements that its counters can hold in one stream; of an amax unit any number.
    std::size_t max_elements = std::numeric_limits<std::size_t>::max();
  };

  StatisticsBank();
  ~StatisticsBank();
  StatisticsBank(StatisticsBank&&) noexcept;
  StatisticsBank& operator=(StatisticsBank&&) noexcept;

  [[nodiscard]] const std::vector<Row>& rows() const;
  void reset(std::size_t row);

  struct Answer {
    std::uint32_t magnitude = 0;  ///< amax or threshold, fp32 bits
    int scale_exponent = 0;       ///< of an amax unit
    friend bool operator==(const Answer&, const Answer&) = default;
  };
  /// What the row shows before the next clock edge.
  [[nodiscard]] bool ready(std::size_t row) const;
  [[nodiscard]] std::optional<Answer> answer(std::size_t row) const;
  void drive(std::uint16_t target, const std::optional<Beat>& input, bool answer_ready);
  /// One clock cycle with these inputs.
  void cycle(std::size_t row, std::uint16_t target, const std::optional<Beat>& input,
             bool answer_ready);
  /// Clock cycles so far, and that in which a property of the RTL (an immediate assertion) failed
  /// first.
  [[nodiscard]] std::uint64_t ticks() const;
  [[nodiscard]] std::optional<std::uint64_t> failed_assertion() const;
  /// Shows the row and the inputs that all share; null: nothing.
  void watch(Waveform* wave, std::size_t row);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The module's name.
[[nodiscard]] std::string_view unit_name(StatisticsBank::Unit unit);

}  // namespace gradpath::verify
