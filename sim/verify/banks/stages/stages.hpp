#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/format/format.hpp"
#include "models/round/rounding.hpp"
#include "sim/verify/banks/beat.hpp"
#include "sim/verify/banks/stream_bank.hpp"

namespace gradpath::verify {

/// rtl/quantizer.sv and rtl/pruner.sv: one beat in, one out.
struct Stages {
  struct Row {
    bool is_pruner = false;
    std::size_t lanes = 0;
    Format format = {};      ///< of a quantizer
    Rounding rounding = {};  ///< of a pruner: sr with its random bits
    Overflow overflow = Overflow::standard;
    bool scaled = false;  ///< a quantizer with a scale exponent
  };
  using Seeds = std::span<const std::uint32_t>;  ///< a lane each, those missing 0
  struct Inputs {
    std::optional<Beat> beat = {};
    bool ready = false;
    std::uint32_t alpha = 0;  ///< a pruner's threshold as fp32 bits; its sign is left out
    int scale_exponent = 0;   ///< of a quantizer
  };
  struct View {
    bool ready = false;
    std::optional<Beat> output = {};
    friend bool operator==(const View&, const View&) = default;
  };
};

using StageBank = StreamBank<Stages>;

}  // namespace gradpath::verify
