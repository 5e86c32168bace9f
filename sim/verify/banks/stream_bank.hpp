#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sim/verify/banks/waveform.hpp"

namespace gradpath::verify {

/// Every instance of a clocked module that was built, clock by clock. `Module` (stages.hpp,
/// compaction.hpp, ...) says what its ports mean: Row, an instance's parameters as read back from
/// the Verilated model; Seeds, what a reset loads; Inputs, all pins that are driven; View, what is
/// shown. One object a thread.
template <class Module>
class StreamBank {
 public:
  using Row = typename Module::Row;
  using Seeds = typename Module::Seeds;
  using Inputs = typename Module::Inputs;
  using View = typename Module::View;

  StreamBank();
  ~StreamBank();
  StreamBank(StreamBank&&) noexcept;
  StreamBank& operator=(StreamBank&&) noexcept;

  [[nodiscard]] const std::vector<Row>& rows() const;
  /// A cycle in reset; inputs: what is on the pins meanwhile.
  void reset(std::size_t row, const Seeds& seeds = {}, const Inputs& inputs = {});
  /// What the row shows before the next clock edge; depends on registers alone.
  [[nodiscard]] View view(std::size_t row) const;
  /// Puts these inputs to the pins without a clock edge.
  void drive(const Inputs& inputs);
  /// One clock cycle of the row with these inputs.
  void cycle(std::size_t row, const Inputs& inputs);

  /// Clock cycles so far, and that in which a property of the RTL (an immediate assertion) failed
  /// first.
  [[nodiscard]] std::uint64_t ticks() const;
  [[nodiscard]] const std::optional<std::uint64_t>& failed_assertion() const;
  /// Shows the row and the inputs that all share; null: nothing.
  void watch(Waveform* wave, std::size_t row);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradpath::verify
