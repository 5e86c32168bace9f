#pragma once

#include <cstdint>

#include "sim/verify/banks/stream_bank.hpp"

namespace gradpath::verify {

/// rtl/lfsr.sv, which has no parameters: one row.
struct LfsrModule {
  struct Row {};
  using Seeds = std::uint32_t;
  struct Inputs {
    bool step = false;
  };
  struct View {
    std::uint32_t word = 0;
  };
};

using LfsrBank = StreamBank<LfsrModule>;

}  // namespace gradpath::verify
