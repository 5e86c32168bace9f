#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"
#include "sim/verify/waveform.hpp"

namespace gradpath::verify {

/// A beat of any stream (rtl/README.md): one 32-bit word a lane, a code or an fp32 bit pattern.
struct Beat {
  static constexpr std::size_t kMaxLanes = 8;
  std::array<std::uint32_t, kMaxLanes> data = {};
  std::uint32_t mask = 0;  ///< bit i: lane i holds an element
  bool last = false;

  friend bool operator==(const Beat&, const Beat&) = default;
};

/// The parameters of a streaming module, read back from the Verilated model.
struct StreamRow {
  bool is_pruner = false;
  std::size_t lanes = 0;
  Format format = {};      ///< of a quantizer
  Rounding rounding = {};  ///< of a pruner: sr with its random bits
  Overflow overflow = Overflow::standard;
  bool scaled = false;  ///< a quantizer with a scale exponent
};

/// Every streaming module that was built (harness/stream_table.sv) and one rtl/lfsr.sv, clock by
/// clock. One object a thread.
class StreamBank {
 public:
  StreamBank();
  ~StreamBank();
  StreamBank(StreamBank&&) noexcept;
  StreamBank& operator=(StreamBank&&) noexcept;

  [[nodiscard]] const std::vector<StreamRow>& rows() const;

  /// A cycle in reset with these lane seeds.
  void reset(std::size_t row, std::span<const std::uint32_t> seeds);
  /// The threshold of a pruner, as fp32 bits, and the scale exponent of a quantizer, for the beats
  /// that are accepted from now on.
  void set_alpha(std::uint32_t alpha);
  void set_scale_exponent(int scale_exponent);
  /// What the row shows before the next clock edge; depends on registers alone.
  [[nodiscard]] bool ready(std::size_t row) const;
  [[nodiscard]] std::optional<Beat> output(std::size_t row) const;
  /// Puts these inputs to the row's pins without a clock edge.
  void drive(const std::optional<Beat>& input, bool ready);
  /// One clock cycle with these inputs.
  void cycle(std::size_t row, const std::optional<Beat>& input, bool ready);
  /// Clock cycles so far, and that in which a property of the RTL (an immediate assertion) failed
  /// first.
  [[nodiscard]] std::uint64_t ticks() const;
  [[nodiscard]] std::optional<std::uint64_t> failed_assertion() const;
  /// Shows the row, or the LFSR, and the inputs that all share; null: nothing.
  void watch(Waveform* wave, std::size_t row);
  void watch_lfsr(Waveform* wave);

  /// The bare LFSR: reset with a seed; one cycle; its word.
  void lfsr_reset(std::uint32_t seed);
  void lfsr_cycle(bool step);
  [[nodiscard]] std::uint32_t lfsr_word() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
