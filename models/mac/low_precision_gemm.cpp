#include "models/mac/low_precision_gemm.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/mac/dot.hpp"
#include "models/mac/mac_kernels.hpp"

namespace gradpath {
namespace {

using kernels::kPanelColumns;

// A panel of B is packed for the rows of a tile, and this much of it stays in the cache meanwhile.
constexpr std::size_t kTileRows = 64;
constexpr std::size_t kPanelRows = 256;

double exponent_or_none(const Format& format, double x) {
  if (x == 0 || !std::isfinite(x)) return kernels::kNoExponent;
  return alignment_exponent(format, x);
}

void fill_exponents(const Format& format, std::span<const double> values,
                    std::span<double> exponents) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    exponents[i] = exponent_or_none(format, values[i]);
  }
}

bool has_vector_code(const Accumulator& accumulator) {
  switch (accumulator.kind) {
    case Accumulator::Kind::rounded:
      return kernels::covers_sum(accumulator.format);
    case Accumulator::Kind::chunked:
      return kernels::covers_sum(accumulator.format) && kernels::covers_sum(accumulator.inner);
    case Accumulator::Kind::fused:
      return true;
    case Accumulator::Kind::exact:
      break;
  }
  return false;
}

// The state of a tile's rows between the panel's pieces.
struct Sums {
  explicit Sums(std::size_t rows) : values(rows * kPanelColumns), chunk(values.size()) {}
  double* row(std::size_t r) { return values.data() + r * kPanelColumns; }
  double* chunk_row(std::size_t r) { return chunk.data() + r * kPanelColumns; }
  std::vector<double> values;
  std::vector<double> chunk;  ///< chunked: the sum of the chunk under way
};

}  // namespace

LowPrecisionGemm::LowPrecisionGemm(const Accumulator& accumulator, const FormatMatrix& a,
                                   const FormatMatrix& b)
    : accumulator_(accumulator),
      a_(a),
      b_(b),
      m_(static_cast<std::size_t>(a.rows)),
      n_(static_cast<std::size_t>(b.columns)),
      k_(static_cast<std::size_t>(a.columns)),
      row_blocks_((m_ + kTileRows - 1) / kTileRows),
      column_blocks_((n_ + kPanelColumns - 1) / kPanelColumns),
      vector_(has_vector_code(accumulator)) {
  if (a.columns != b.rows || a.values.size() != m_ * k_ || b.values.size() != k_ * n_) {
    throw std::invalid_argument("LowPrecisionGemm: shapes do not fit");
  }
  if (accumulator.kind == Accumulator::Kind::fused) {
    a_exponents_.resize(a.values.size());
    fill_exponents(a.format, a.values, a_exponents_);
  }
}

LowPrecisionGemm::Tile LowPrecisionGemm::tile_at(std::size_t index) const {
  const std::size_t row = index / column_blocks_ * kTileRows;
  const std::size_t column = index % column_blocks_ * kPanelColumns;
  return {row, std::min(kTileRows, m_ - row), column, std::min(kPanelColumns, n_ - column)};
}

std::uint64_t LowPrecisionGemm::products_of(std::size_t index) const {
  const Tile tile = tile_at(index);
  return std::uint64_t{tile.rows} * tile.columns * k_;
}

void LowPrecisionGemm::run_tile(std::size_t index, std::span<float> d) const {
  if (d.size() != m_ * n_) throw std::invalid_argument("LowPrecisionGemm: size of d");
  const Tile tile = tile_at(index);
  if (vector_) {
    run_vector(tile, d);
  } else {
    run_scalar(tile, d);
  }
}

void LowPrecisionGemm::run_scalar(const Tile& tile, std::span<float> d) const {
  std::vector<double> column(k_);
  for (std::size_t c = tile.first_column; c < tile.first_column + tile.columns; ++c) {
    for (std::size_t k = 0; k < k_; ++k) column[k] = b_.values[k * n_ + c];
    for (std::size_t r = tile.first_row; r < tile.first_row + tile.rows; ++r) {
      const Factors a{a_.format, std::span(a_.values).subspan(r * k_, k_)};
      const double result = dot(accumulator_, a, Factors{b_.format, column});
      d[r * n_ + c] = result_as_float(accumulator_, result);
    }
  }
}

void LowPrecisionGemm::run_vector(const Tile& tile, std::span<float> d) const {
  const bool fused = accumulator_.kind == Accumulator::Kind::fused;
  const bool chunked = accumulator_.kind == Accumulator::Kind::chunked;
  // Pieces of k end where groups and chunks do. A chunk may be longer than a piece: its sum is
  // kept.
  const std::size_t group = fused ? static_cast<std::size_t>(accumulator_.fused.products) : 1;
  const std::size_t piece = std::max(kPanelRows / group, std::size_t{1}) * group;
  const auto chunk = chunked ? static_cast<std::size_t>(accumulator_.chunk) : k_;
  const auto outer = kernels::sum_constants(accumulator_.format);
  const auto inner = chunked ? kernels::sum_constants(accumulator_.inner) : outer;

  std::vector<double> panel(std::min(piece, k_) * kPanelColumns);
  std::vector<double> panel_exponents(fused ? panel.size() : 0);
  Sums sums(tile.rows);
  for (std::size_t first = 0; first < k_; first += piece) {
    const std::size_t count = std::min(piece, k_ - first);
    for (std::size_t k = 0; k < count; ++k) {
      const double* row = b_.values.data() + (first + k) * n_ + tile.first_column;
      std::copy_n(row, tile.columns, panel.data() + k * kPanelColumns);
    }
    if (fused) fill_exponents(b_.format, panel, panel_exponents);
    const kernels::MacPanel packed{panel.data(), panel_exponents.data()};
    for (std::size_t r = 0; r < tile.rows; ++r) {
      const double* a = a_.values.data() + (tile.first_row + r) * k_ + first;
      if (fused) {
        const double* exponents = a_exponents_.data() + (tile.first_row + r) * k_ + first;
        kernels::accumulate_fused(accumulator_.fused, a, exponents, packed, count, tile.columns,
                                  sums.row(r));
      } else if (!chunked) {
        kernels::accumulate_rounded(outer, a, packed, count, tile.columns, sums.row(r));
      } else {
        for (std::size_t k = 0; k < count;) {
          const std::size_t left_of_chunk = chunk - (first + k) % chunk;
          const std::size_t run = std::min(left_of_chunk, count - k);
          const kernels::MacPanel rest{packed.values + k * kPanelColumns, nullptr};
          kernels::accumulate_rounded(inner, a + k, rest, run, tile.columns, sums.chunk_row(r));
          k += run;
          if (run != left_of_chunk && first + k != k_) continue;
          kernels::add_rounded(outer, sums.chunk_row(r), tile.columns, sums.row(r));
          std::fill_n(sums.chunk_row(r), kPanelColumns, 0.0);
        }
      }
    }
  }
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float* row = d.data() + (tile.first_row + r) * n_ + tile.first_column;
    for (std::size_t c = 0; c < tile.columns; ++c) {
      row[c] = result_as_float(accumulator_, sums.row(r)[c]);
    }
  }
}

void run_gemm(const LowPrecisionGemm& gemm, std::span<float> d) {
  for (std::size_t tile = 0; tile < gemm.tiles(); ++tile) gemm.run_tile(tile, d);
}

}  // namespace gradpath
