#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/prune/threshold_unit.hpp"
#include "sim/verify/lanes.hpp"
#include "sim/verify/streams.hpp"

namespace gradpath::verify {

/// Every rtl/front_end.sv that was built (harness/front_end_table.sv), clock by clock; they
/// saturate. In a beat of a bitmap the word of a lane is its bit. One object a thread.
class FrontEndBank {
 public:
  struct Row {
    std::size_t lanes = 0;
    QuantizerRow quantizer = {};
    bool uses_logs = false;
    int pruner_random_bits = 0;
    HistogramThreshold::Config histogram = {};
    std::size_t max_elements = 0;  ///< that its counters can hold in one stream
  };

  FrontEndBank();
  ~FrontEndBank();
  FrontEndBank(FrontEndBank&&) noexcept;
  FrontEndBank& operator=(FrontEndBank&&) noexcept;

  [[nodiscard]] const std::vector<Row>& rows() const;
  void reset(std::size_t row, std::span<const std::uint32_t> pruner_seeds,
             std::span<const std::uint32_t> quantizer_seeds);

  /// Threshold (fp32 bits) and scale exponent.
  struct Setting {
    std::uint32_t alpha = 0;
    int scale_exponent = 0;
    friend bool operator==(const Setting&, const Setting&) = default;
  };
  /// What the row shows before the next clock edge.
  struct View {
    bool ready = false;
    Setting setting;
    std::optional<Beat> bitmap;
    std::optional<Beat> codes;
  };
  [[nodiscard]] View view(std::size_t row) const;

  struct Inputs {
    std::optional<Beat> beat = {};
    std::uint16_t target = 0;
    bool adapt = false;
    std::optional<Setting> load = {};
    bool bitmap_ready = false;
    bool codes_ready = false;
  };
  /// One clock cycle.
  void cycle(std::size_t row, const Inputs& inputs);
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

}  // namespace gradpath::verify
