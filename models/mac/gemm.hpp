#pragma once

#include <cstdint>
#include <span>

#include "models/mac/operand.hpp"
#include "models/sparse/dispatch.hpp"
#include "models/sparse/sparse_panel.hpp"

namespace gradpath {

/// The arithmetic of one accumulator (docs/microarchitecture.md, "Values"): it starts at +0 and, in
/// the order of k, adds fp32(a * b) with one rounding to nearest even; a zero `a` (of either sign)
/// is skipped, so it contributes nothing even against an infinity or a NaN. The product is exact
/// wherever both significands together have at most 24 bits and the result is in fp32's range: for
/// all operands up to fp16 or bf16.

/// D[m, n] = sum over k of A[m, k] B[k, n], as the plain triple loop: the definition.
/// a: m x k, b: k x n, d: m x n, row-major; std::invalid_argument if sizes differ.
void gemm_reference(std::span<const float> a, std::span<const float> b, std::span<float> d,
                    std::int64_t m, std::int64_t n, std::int64_t k);

/// Adds the products of a block of A with `columns` columns of B to their sums: element (row r,
/// offset o) of the block meets operand.row(o). Equal to gemm_reference bit for bit, whatever the
/// blocks' sizes, as each accumulator sees its products in the order of k.
/// A NaN's payload is the instruction set's. sums: row r's begin at sums + r * stride.
void accumulate_block(const SparsePanel& block, const OperandRows& operand, std::size_t columns,
                      float* sums, std::size_t stride);

/// The same where a dispatch may have taken the products in another order and by several sums each
/// (models/sparse/dispatch.hpp): partial sums begin at +0 and are added in their order.
void add_scheduled(const SparsePanel& block, const Schedule& schedule, const OperandRows& operand,
                   std::size_t columns, float* sums, std::size_t stride);

/// d[r][c] += the sum over k of a[r][k] operand.row(k)[c] in double, each product exact, in the
/// order of k. a: rows x k; d: rows x columns.
void add_fp64_product(std::span<const float> a, std::size_t rows, const OperandRows& operand,
                      std::size_t columns, std::span<double> d);

/// Undoes the operands' scales: fp32(fp32(d / scale_a) / scale_b). Exact with powers of two, unless
/// fp32 itself underflows or overflows.
void unscale(std::span<float> d, float scale_a, float scale_b);

}  // namespace gradpath
