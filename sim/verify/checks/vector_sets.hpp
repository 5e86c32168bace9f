#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"
#include "sim/verify/banks/beat.hpp"

namespace gradpath::verify {

// Stimuli and what the golden model makes of them as files, for benches in SystemVerilog
// (rtl/bench/bench.sv): `gradpath verify --vectors`.

/// A number of any width, from its most significant field on, as hex digits.
class HexWord {
 public:
  HexWord& add(std::uint64_t value, std::size_t bits);
  /// The lanes of a beat, the highest first.
  HexWord& add_lanes(const Beat& beat, std::size_t lanes, std::size_t bits);
  [[nodiscard]] std::size_t bits() const { return bits_.size(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<bool> bits_;
};

/// One module with one set of parameters.
struct VectorSet {
  using Fields = std::vector<std::pair<std::string, std::size_t>>;
  /// A stream at the ports PREFIXvalid and PREFIXready, its beats the fields (port, bits) side by
  /// side; or, of a combinational module, the values of its ports.
  struct Stream {
    std::string prefix;
    Fields fields;
    std::vector<HexWord> words;
  };

  std::string module;
  std::string name;                                        ///< of its folder
  std::string parameters;                                  ///< ".Lanes(8), ..."
  std::vector<std::pair<std::string, HexWord>> ties = {};  ///< ports that stay: seeds
  std::vector<Stream> inputs;                              ///< one or two
  std::vector<Stream> outputs;                             ///< one or two
  bool is_combinational = false;

  /// Writes dut.svh, in0.hex .. out1.hex into folder/name. UserError if that is not possible.
  void write(const std::filesystem::path& folder) const;
};

/// The parameters of a format and its cast, as rtl/quantizer_lane.sv has them.
[[nodiscard]] std::string format_parameters(const Format& format);
[[nodiscard]] std::string rounding_parameters(const Rounding& rounding);

}  // namespace gradpath::verify
