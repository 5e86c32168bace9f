#include "models/theory/split_error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <stdexcept>

#include "models/theory/lognormal_pruning.hpp"
#include "models/theory/normal.hpp"
#include "models/theory/pieces.hpp"

namespace gradpath::theory {
namespace {

constexpr double kLn2 = std::numbers::ln2;
// Beyond, the density is 1e-37 of its peak, and a relative error is at most 1.
constexpr double kFarthest = 13.0;

void check(double sigma_log2, Split split) {
  if (!(sigma_log2 > 0.0 && std::isfinite(sigma_log2))) {
    throw std::domain_error("split error: sigma is not positive and finite");
  }
  if (split.exponent_bits < 1 || split.exponent_bits > kMostExponentBits ||
      split.mantissa_bits < 0 || split.mantissa_bits > kMostMantissaBits) {
    throw std::domain_error("split error: bits out of range");
  }
}

/// The code book on a lognormal with median 1 and sigma in nats.
class CodeBook {
 public:
  CodeBook(double sigma, Split split)
      : sigma_(sigma),
        half_range_(1 << (split.exponent_bits - 1)),
        codes_(std::int64_t{1} << split.mantissa_bits) {}

  [[nodiscard]] double error() const {
    // Flushed: relative error 1. Clipped: 1 - max / x, the mirrored image of pruning at max.
    const double lowest = -half_range_ * kLn2 / sigma_;
    const double largest = std::ldexp(2.0 - 1.0 / static_cast<double>(codes_), half_range_ - 1);
    double sum = normal_cdf(lowest) + pruned_fraction(-std::log(largest) / sigma_, sigma_);
    for (int e = -half_range_; e < half_range_; ++e) sum += binade(e, e == half_range_ - 1);
    return sum;
  }

 private:
  /// The cells between the codes of [2^e, 2^(e+1)], the top one's clipped part left out.
  [[nodiscard]] double binade(int e, bool is_top) const {
    const double base = e * kLn2;
    if (base / sigma_ > kFarthest || (base + kLn2) / sigma_ < -kFarthest) return 0.0;
    // Gaps of the grid that the density reaches; gap k is between codes k and k + 1.
    const auto gaps = codes_ - (is_top ? 1 : 0);
    const std::int64_t first = std::min(gap_at(-kFarthest * sigma_ - base), gaps);
    const std::int64_t last = std::min(gap_at(kFarthest * sigma_ - base) + 1, gaps);
    if (is_fine()) return many_gaps(base, first, last);
    double sum = 0.0;
    for (std::int64_t k = first; k < last; ++k) sum += gap(base, k);
    return sum;
  }

  /// The gap that holds 2^e exp(log_ratio), from 0 to codes_.
  [[nodiscard]] std::int64_t gap_at(double log_ratio) const {
    if (log_ratio <= 0.0) return 0;
    if (log_ratio >= kLn2) return codes_;
    return static_cast<std::int64_t>(std::expm1(log_ratio) * static_cast<double>(codes_));
  }

  /// |q - x| / x over a gap: up to the middle 1 - c/x of the code below, then c/x - 1 of the code
  /// above. As integrals of expm1: differences of partial moments would cancel.
  [[nodiscard]] double gap(double base, std::int64_t k) const {
    const double n = static_cast<double>(codes_);
    const double j = static_cast<double>(k);
    const double below = base + std::log1p(j / n);
    // The median is a code: its logarithm must come out as 0, not as a rounding of it.
    const double above = k + 1 == codes_ ? base + kLn2 : base + std::log1p((j + 1.0) / n);
    const double to_middle = std::log1p(0.5 / (n + j));       // ln(middle / code below)
    const double to_above = std::log1p(0.5 / (n + j + 0.5));  // ln(code above / middle)
    return half_gap(below, to_middle, 1.0) + half_gap(above, to_above, -1.0);
  }

  /// The part of width `width` (in ln x) above (side 1) or below (side -1) the code at ln x = code.
  [[nodiscard]] double half_gap(double code, double width, double side) const {
    constexpr double kPiece = 0.5;
    // In units of sigma, from the code outwards, no farther than the density.
    const double z = side * code / sigma_;
    const double begin = std::max(0.0, -kFarthest - z);
    const double end = std::min(width / sigma_, kFarthest - z);
    return integral_in_pieces(begin, end, kPiece, [&](double t) {
      return side * -std::expm1(-side * sigma_ * t) * normal_density(z + t);
    });
  }

  /// Whether half a gap h is so narrow against x and sigma that many_gaps holds to 1e-12.
  [[nodiscard]] bool is_fine() const {
    constexpr double kReach = 9.0;  // |z| of all that counts for the digits
    return 0.5 / static_cast<double>(codes_) * (kReach / sigma_ + 2.0) < 2e-3;
  }

  /// Gaps first .. last - 1 at once. The distance to the nearer code is a triangle wave of mean
  /// h/2, h half a gap; integrating it against g = density / x by parts (Euler and Maclaurin)
  /// leaves (h/2) int g - (h^3/24) [g'] + O(h^5) [g''']. x in units of 2^e.
  [[nodiscard]] double many_gaps(double base, std::int64_t first, std::int64_t last) const {
    constexpr double kPiece = 0.5;
    if (first >= last) return 0.0;
    const double n = static_cast<double>(codes_);
    const double h = 0.5 / n;
    const double low = 1.0 + static_cast<double>(first) / n;
    const double high = 1.0 + static_cast<double>(last) / n;
    const double z = (base + std::log(low)) / sigma_;
    const double integral =
        integral_in_pieces(0.0, std::log(high / low) / sigma_, kPiece,
                           [&](double t) { return std::exp(-sigma_ * t) * normal_density(z + t); });
    return 0.5 * h * integral / low - h * h * h / 24.0 * (slope(base, high) - slope(base, low));
  }

  /// g'(x), g = normal_density(z) / (sigma x^2), z = (base + ln x) / sigma.
  [[nodiscard]] double slope(double base, double x) const {
    const double z = (base + std::log(x)) / sigma_;
    return -normal_density(z) / (sigma_ * x * x * x) * (z / sigma_ + 2.0);
  }

  double sigma_;
  int half_range_;      ///< E: binades on each side of the median
  std::int64_t codes_;  ///< in a binade
};

}  // namespace

double split_error_smooth(double sigma_log2, Split split) {
  check(sigma_log2, split);
  const double range = std::ldexp(1.0, split.exponent_bits - 1);
  const double t = range / sigma_log2;
  const double inside =
      std::erf(t / std::numbers::sqrt2) / (8.0 * kLn2 * std::ldexp(1.0, split.mantissa_bits));
  // What is clipped at 2^E is the mirrored image of pruning at 2^-E: its exponential never
  // overflows.
  return inside + normal_cdf(-t) + pruned_fraction(-t, sigma_log2 * kLn2);
}

double split_error_exact(double sigma_log2, Split split) {
  check(sigma_log2, split);
  return CodeBook(sigma_log2 * kLn2, split).error();
}

}  // namespace gradpath::theory
