#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "models/format/format.hpp"
#include "sim/verify/streams.hpp"

namespace gradpath::verify {

/// Every rtl/compactor.sv and rtl/decompactor.sv that was built (harness/compaction_table.sv),
/// clock by clock. In a beat of a bitmap the word of a lane is its bit. One object a thread.
class CompactionBank {
 public:
  struct Row {
    Format format;
    std::size_t lanes = 0;
  };

  CompactionBank();
  ~CompactionBank();
  CompactionBank(CompactionBank&&) noexcept;
  CompactionBank& operator=(CompactionBank&&) noexcept;

  [[nodiscard]] const std::vector<Row>& rows() const;
  void reset(std::size_t row);

  /// What the compactor of a row shows before the next clock edge.
  struct PackView {
    bool ready = false;
    std::optional<Beat> bitmap;
    std::optional<Beat> codes;
    friend bool operator==(const PackView&, const PackView&) = default;
  };
  [[nodiscard]] PackView pack_view(std::size_t row) const;
  /// One clock cycle of it.
  void pack_cycle(std::size_t row, const std::optional<Beat>& input, bool bitmap_ready,
                  bool codes_ready);

  /// The same of the decompactor.
  struct UnpackView {
    bool bitmap_ready = false;
    bool codes_ready = false;
    std::optional<Beat> output;
    friend bool operator==(const UnpackView&, const UnpackView&) = default;
  };
  [[nodiscard]] UnpackView unpack_view(std::size_t row) const;
  void unpack_cycle(std::size_t row, const std::optional<Beat>& bitmap,
                    const std::optional<Beat>& codes, bool ready);

  /// Puts the inputs that the next cycle would have to the pins, without a clock edge.
  void drive_pack(const std::optional<Beat>& input, bool bitmap_ready, bool codes_ready);
  void drive_unpack(const std::optional<Beat>& bitmap, const std::optional<Beat>& codes,
                    bool ready);

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
