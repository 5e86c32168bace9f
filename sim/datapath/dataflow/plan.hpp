#pragma once

#include <cstdint>

#include "sim/datapath/config.hpp"

namespace gradpath {

/// What the plan of a product depends on: D [m, n] = A [m, k] B [k, n], A the gradient.
struct GemmDemand {
  std::uint64_t m = 0;
  std::uint64_t n = 0;
  std::uint64_t k = 0;
  std::uint64_t gradient_bytes = 0;  ///< A as it lies in DRAM (fp32, or the trace's type)
  std::uint64_t operand_bytes = 0;   ///< B's footprint in DRAM: an image counts once, not lowered
  std::uint64_t output_bytes = 0;    ///< D's footprint in DRAM: an image counts once, not lowered
  int gradient_bits = 8;             ///< a code of A
  int operand_bits = 8;              ///< a code of B

  /// Bytes that have to cross DRAM whatever the design does.
  [[nodiscard]] std::uint64_t minimum_bytes() const {
    return gradient_bytes + operand_bytes + output_bytes;
  }
};

/// How a product is cut: *panels* of R rows of A, each in *chunks* of k that fit a bank of the
/// gradient buffer, each against *tiles* of columns of B. Loops: panel, chunk, tile; a *pass* is
/// the array's work on one (panel, chunk, tile). Known before the run, so that the run can be
/// checked against it.
struct GemmPlan {
  GemmDemand demand;
  std::uint32_t rows = 0;  ///< R
  std::uint32_t tile_width = 0;
  std::uint32_t chunk_length = 0;
  std::uint64_t panels = 0;
  std::uint64_t chunks = 0;  ///< a panel
  std::uint64_t tiles = 0;
  std::uint32_t burst_elements = 0;
  bool operand_resident = false;    ///< B fits its buffer: fetched once, else once a panel
  bool partial_sums_spill = false;  ///< several chunks, and a panel's sums exceed their buffer

  [[nodiscard]] std::uint32_t panel_rows(std::uint64_t panel) const;
  [[nodiscard]] std::uint32_t chunk_extent(std::uint64_t chunk) const;
  [[nodiscard]] std::uint32_t tile_columns(std::uint64_t tile) const;
  /// Bursts of a chunk of that many elements.
  [[nodiscard]] std::uint64_t bursts(std::uint64_t elements) const;

  [[nodiscard]] std::uint64_t operand_slices() const {
    return chunks * tiles * (operand_resident ? 1 : panels);
  }
  /// Expected DRAM traffic of the whole product, spilled sums included.
  [[nodiscard]] std::uint64_t dram_read_bytes() const;
  [[nodiscard]] std::uint64_t dram_write_bytes() const;
};

/// UserError where a buffer cannot hold the smallest chunk, naming its option.
[[nodiscard]] GemmPlan make_plan(const GemmDemand& demand, const DatapathConfig& config,
                                 const Dispatch& dispatch);

/// The i-th of n shares of a total, whole numbers that add up to it exactly.
[[nodiscard]] constexpr std::uint64_t share(std::uint64_t total, std::uint64_t i, std::uint64_t n) {
  // total * (i + 1) can pass 2^64: split the total into quotient and remainder first.
  const std::uint64_t quotient = total / n;
  const std::uint64_t remainder = total % n;
  return quotient + (remainder * (i + 1) / n - remainder * i / n);
}

}  // namespace gradpath
