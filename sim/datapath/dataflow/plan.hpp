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

/// The array's work on one block of A [rows, depth] and one of B [depth, columns], and what it
/// needs: the unit in which every stage counts.
struct Pass {
  std::uint64_t m = 0;  ///< where the blocks begin
  std::uint64_t k = 0;
  std::uint64_t n = 0;
  std::uint32_t rows = 0;
  std::uint32_t depth = 0;
  std::uint32_t columns = 0;
  bool loads_a = false;       ///< its block of A is not there yet
  bool drops_a = false;       ///< nor wanted again
  bool loads_b = false;       ///< its block of B has to be fetched
  bool begins_sums = false;   ///< the first of its block of D
  bool ends_sums = false;     ///< the last
  bool ends_panel = false;    ///< after it its rows of D are complete
  std::uint64_t b_bytes = 0;  ///< of DRAM, if it loads B
  std::uint64_t d_bytes = 0;  ///< of DRAM, if it ends its sums

  [[nodiscard]] std::uint64_t a_elements() const { return std::uint64_t{rows} * depth; }
  [[nodiscard]] std::uint64_t sums() const { return std::uint64_t{rows} * columns; }
};

/// How a product is cut into passes by the machine's dataflow. Loops: *panels* (rows of A),
/// *chunks* of k that fit a bank of the gradient buffer, *tiles* (columns of B). Stages walk it, or
/// the passes that concern them; nobody else knows the loops. Known before the run, so that the run
/// can be checked against it.
struct GemmPlan {
  GemmDemand demand;
  std::uint32_t rows = 0;     ///< of a panel
  std::uint32_t depth = 0;    ///< of a chunk
  std::uint32_t columns = 0;  ///< of a tile
  std::uint64_t panels = 0;
  std::uint64_t chunks = 0;  ///< a panel
  std::uint64_t tiles = 0;
  std::uint32_t burst_elements = 0;
  bool operand_resident = false;    ///< B fits its buffer: fetched once, else once a panel
  bool partial_sums_spill = false;  ///< several chunks, and a panel's sums exceed their buffer

  [[nodiscard]] std::uint64_t passes() const { return panels * chunks * tiles; }
  [[nodiscard]] Pass pass(std::uint64_t i) const;

  /// Calls visit(pass) for every pass in order, or for those that `wanted`, a flag of Pass, marks.
  template <class Visit>
  void walk(bool Pass::*wanted, Visit visit) const {
    for (std::uint64_t i = 0; i < passes(); ++i) {
      const Pass pass = this->pass(i);
      if (wanted == nullptr || pass.*wanted) visit(pass);
    }
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
