#include "models/theory/best_split.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>

#include <boost/math/tools/toms748_solve.hpp>

namespace gradpath::theory {

std::vector<Split> splits_of(int bits) {
  if (bits < kFewestBits || bits > kMostBits) {
    throw std::domain_error("splits_of: bits out of range");
  }
  std::vector<Split> splits;
  for (int exponent_bits = 1; exponent_bits <= kMostExponentBits; ++exponent_bits) {
    const int mantissa_bits = bits - 1 - exponent_bits;
    if (mantissa_bits < 0 || mantissa_bits > kMostMantissaBits) continue;
    splits.push_back({exponent_bits, mantissa_bits});
  }
  return splits;
}

BestSplit best_split(double sigma_log2, int bits) {
  BestSplit best{};
  bool is_first = true;
  for (const Split split : splits_of(bits)) {
    const double error = split_error_exact(sigma_log2, split);
    if (is_first || error < best.mean_relative_error) best = {split, error};
    is_first = false;
  }
  return best;
}

std::vector<Crossing> split_crossings(int bits) {
  constexpr double kLowest = 0.1;
  constexpr double kHighest = 1000.0;
  constexpr int kStepsPerOctave = 4;  // two changes are farther apart: each is about twice the last
  const double step = std::exp2(1.0 / kStepsPerOctave);

  std::vector<Crossing> crossings;
  Split best = best_split(kLowest, bits).split;
  for (double low = kLowest; low < kHighest; low *= step) {
    const Split next = best_split(low * step, bits).split;
    if (next == best) continue;
    const auto gain = [&](double sigma_log2) {
      return split_error_exact(sigma_log2, best) - split_error_exact(sigma_log2, next);
    };
    std::uintmax_t steps = 100;
    const auto [left, right] = boost::math::tools::toms748_solve(
        gain, low, low * step, boost::math::tools::eps_tolerance<double>(40), steps);
    crossings.push_back({best.exponent_bits, next.exponent_bits, std::midpoint(left, right)});
    best = next;
  }
  return crossings;
}

}  // namespace gradpath::theory
