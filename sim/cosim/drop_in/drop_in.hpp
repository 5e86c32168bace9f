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
#include "sim/verify/banks/beat.hpp"

namespace gradpath::verify {

/// The parameters of a drop-in module, read back from the Verilated model.
struct DropInRow {
  std::uint32_t lanes = 0;
  Format format = {};                      ///< of a quantizer
  Rounding rounding = {};                  ///< of a pruner: sr with its random bits
  Overflow overflow = Overflow::standard;  ///< of a quantizer
  int code_bits = 0;                       ///< of a compactor
  bool negative_zero = false;              ///< of a compactor: the sign alone is a zero
};

/// The modules that `replay --rtl` uses (drop_in_table.sv), clock by clock: at most one
/// pruner, one quantizer and one compactor at a time. One object a thread.
class DropInBank {
 public:
  enum class Module : std::uint8_t { pruner = 0, quantizer = 1, compactor = 2 };
  static constexpr std::size_t kModules = 3;

  DropInBank();
  DropInBank(const DropInBank&) = delete;
  DropInBank& operator=(const DropInBank&) = delete;
  ~DropInBank();

  [[nodiscard]] const std::vector<DropInRow>& rows(Module module) const;
  /// The row of a module that is clocked and shown from now on.
  void select(Module module, std::size_t row);
  /// Two cycles in reset with these lane seeds (a compactor has none).
  void reset(Module module, std::span<const std::uint32_t> seeds);
  /// A pruner's threshold as fp32 bits; a quantizer's scale exponent.
  void set_alpha(std::uint32_t alpha);
  void set_scale_exponent(int scale_exponent);

  /// What the module shows before the next edge; depends on registers alone. port: 1 for the codes
  /// of the compactor, else 0.
  [[nodiscard]] bool ready(Module module) const;
  [[nodiscard]] std::optional<Beat> output(Module module, std::size_t port) const;
  /// Puts these inputs to the module's pins for the next edge. input: null for none.
  void drive(Module module, const Beat* input, const std::array<bool, 2>& ready);
  /// One edge of all selected modules; cycle: since the last reset, for the waveform's time.
  void clock(std::uint64_t cycle);
  /// True once a property of the RTL (an immediate assertion) has failed.
  [[nodiscard]] bool assertion_failed() const;

  /// Writes an FST waveform of what follows, 1 ns a cycle, until the end of this object.
  void trace(const std::string& path);
  /// Closes the waveform.
  void end_trace();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
