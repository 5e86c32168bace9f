#pragma once

#include <cstddef>
#include <cstdint>

#include "models/format/format.hpp"
#include "models/mac/accumulator.hpp"

namespace gradpath::kernels {

/// Columns of B that are worked on together, whatever the vector width.
inline constexpr std::size_t kPanelColumns = 32;

/// Rows of a panel of B: kPanelColumns values each, and with `fused` their alignment exponents
/// (kNoExponent for zero, infinity and NaN).
struct MacPanel {
  const double* values;
  const double* exponents;
};

/// Below every sum of two exponents that counts.
inline constexpr double kNoExponent = -4096;

/// What the vector code needs of the format of a sum.
struct SumConstants {
  double min_power;  ///< 2^min_exponent
  double magic;      ///< 1.5 * 2^(52 - M): times a power of two, it rounds at that one's last bit
  double max_finite;
  double overflow;  ///< positive: infinity, NaN or the largest finite
  double plus;      ///< +0 where there is no negative zero, else -0
};

/// Whether rounding to the format in lanes is defined: it has subnormals and a mantissa (in m0
/// formats the even code is not the even significand).
[[nodiscard]] bool covers_sum(const Format& format);
[[nodiscard]] SumConstants sum_constants(const Format& format);

/// sums[c] = round(sums[c] + a[k] * panel[k][c]) for k = 0 .. count - 1, each addition rounded
/// once. `columns` of them, rounded up to whole vectors; sums has kPanelColumns elements.
void accumulate_rounded(const SumConstants& constants, const double* a, const MacPanel& panel,
                        std::size_t count, std::size_t columns, double* sums);

/// sums[c] = round(sums[c] + addends[c]); kPanelColumns elements each.
void add_rounded(const SumConstants& constants, const double* addends, std::size_t columns,
                 double* sums);

/// Columns of B that accumulate_fp32 works on.
inline constexpr std::size_t kStripColumns = 16;

/// sums[c] = fp32(sums[c] + fp32(a[i] * strip[offsets[i]][c])) for i = 0 .. count - 1, each product
/// and each sum rounded on its own. strip: rows of kStripColumns.
void accumulate_fp32(const float* a, const std::uint32_t* offsets, std::size_t count,
                     const float* strip, float* sums);

/// Rows of A and columns of B that accumulate_fp64 works on.
inline constexpr std::size_t kExactRows = 4;
inline constexpr std::size_t kExactColumns = 8;

/// sums[r][c] = fp64(sums[r][c] + a[k][r] * strip[k][c]) for k = 0 .. count - 1; the product of two
/// fp32 is exact in fp64. a: rows of kExactRows; strip, sums: of kExactColumns.
void accumulate_fp64(const float* a, const float* strip, std::size_t count, double* sums);

/// The running values after the groups of count products; the last group may be short.
void accumulate_fused(const FusedGroup& fused, const double* a, const double* a_exponents,
                      const MacPanel& panel, std::size_t count, std::size_t columns, double* sums);

}  // namespace gradpath::kernels
