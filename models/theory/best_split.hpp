#pragma once

#include <vector>

#include "models/theory/split_error.hpp"

namespace gradpath::theory {

inline constexpr int kFewestBits = 2;
inline constexpr int kMostBits = 1 + kMostExponentBits + kMostMantissaBits;

/// The splits of so many bits (with the sign), by ascending exponent bits: those of the ranges in
/// split_error.hpp. std::domain_error outside 2 to 32 bits.
[[nodiscard]] std::vector<Split> splits_of(int bits);

struct BestSplit {
  Split split;
  double mean_relative_error;  ///< split_error_exact
};

/// The split with the smallest exact mean relative error; of equals the one with most mantissa
/// bits.
[[nodiscard]] BestSplit best_split(double sigma_log2, int bits);

/// Where the best split changes.
struct Crossing {
  int from_exponent_bits;  ///< best below sigma_log2
  int to_exponent_bits;    ///< best above
  double sigma_log2;       ///< both have the same error there; about 1e-10 relative
};

/// All changes of the best split of `bits` bits for sigma_log2 from 0.1 to 1000, ascending.
[[nodiscard]] std::vector<Crossing> split_crossings(int bits);

}  // namespace gradpath::theory
