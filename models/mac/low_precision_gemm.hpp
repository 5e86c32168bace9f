#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/format/format.hpp"
#include "models/mac/accumulator.hpp"

namespace gradpath {

/// A matrix of a format's values (infinities and NaNs too), row-major, exact in double.
struct FormatMatrix {
  Format format;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;
};

/// D [M, N] = A [M, K] B [K, N], each element equal to `dot` bit for bit. Cut into tiles that may
/// be run in any order, on any threads, each once.
class LowPrecisionGemm {
 public:
  /// The matrices must outlive it. std::invalid_argument if the shapes do not fit.
  LowPrecisionGemm(const Accumulator& accumulator, const FormatMatrix& a, const FormatMatrix& b);

  [[nodiscard]] std::size_t tiles() const { return row_blocks_ * column_blocks_; }
  /// Products of one tile at most, for progress.
  [[nodiscard]] std::uint64_t products_of(std::size_t tile) const;
  /// Writes the tile's elements of d, which has M x N, row-major, as result_as_float gives them.
  void run_tile(std::size_t tile, std::span<float> d) const;

 private:
  struct Tile {
    std::size_t first_row, rows, first_column, columns;
  };
  [[nodiscard]] Tile tile_at(std::size_t index) const;
  void run_scalar(const Tile& tile, std::span<float> d) const;
  void run_vector(const Tile& tile, std::span<float> d) const;

  Accumulator accumulator_;
  const FormatMatrix& a_;
  const FormatMatrix& b_;
  std::size_t m_, n_, k_;
  std::size_t row_blocks_, column_blocks_;
  bool vector_ = false;
  std::vector<double> a_exponents_;  ///< fused only
};

/// All tiles, one after the other.
void run_gemm(const LowPrecisionGemm& gemm, std::span<float> d);

}  // namespace gradpath
