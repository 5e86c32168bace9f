#include "models/stats/fit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numbers>
#include <vector>

#include "models/stats/ks.hpp"
#include "models/stats/sum.hpp"

namespace gradpath {
namespace {

constexpr double kLn2 = std::numbers::ln2;
constexpr double kSqrtHalf = 1.0 / std::numbers::sqrt2;

/// The first index in [0, size) for which `reached` holds; it holds from there on.
template <class Predicate>
std::size_t first_index(std::size_t size, Predicate reached) {
  std::size_t low = 0;
  std::size_t high = size - 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (reached(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/// The tensor divided by the power of two below its median magnitude: nothing that is computed from
/// it changes when all elements are multiplied by a power of two.
class RelativeSample {
 public:
  explicit RelativeSample(const SortedMagnitudes& sorted)
      : sorted_(sorted), total_(static_cast<double>(sorted.counts().nonzeros())) {
    const std::uint64_t half = (sorted.counts().nonzeros() + 1) / 2;
    const std::size_t median =
        first_index(distinct(), [&](std::size_t i) { return sorted.up_to(i) >= half; });
    exponent_ = std::ilogb(sorted.magnitude(median));
    unit_ = std::ldexp(1.0, -exponent_);
  }

  /// log2 of what the tensor was divided by.
  [[nodiscard]] int exponent() const { return exponent_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] std::size_t distinct() const { return sorted_.distinct(); }
  [[nodiscard]] double count(std::size_t i) const { return sorted_.up_to(i) - sorted_.below(i); }
  [[nodiscard]] double negative_count(std::size_t i) const {
    return sorted_.negative_up_to(i) - sorted_.negative_below(i);
  }
  /// Distinct |x| i; exact.
  [[nodiscard]] double magnitude(std::size_t i) const {
    return static_cast<double>(sorted_.magnitude(i)) * unit_;
  }
  [[nodiscard]] double log_magnitude(std::size_t i) const {
    const double x = sorted_.magnitude(i);  // as a double even fp32's subnormals are normal
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const auto exponent = static_cast<int>(bits >> 52) - 1023;
    const auto significand =
        std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    return std::log(significand) + kLn2 * (exponent - exponent_);
  }

  // The signed values in ascending order: point k of 2 * distinct(), where each magnitude stands
  // once with either sign, whether or not the sample has both.
  [[nodiscard]] std::size_t points() const { return 2 * distinct(); }
  [[nodiscard]] double point(std::size_t k) const {
    return is_negative(k) ? -magnitude(index(k)) : magnitude(index(k));
  }
  /// Number of elements < point k.
  [[nodiscard]] std::uint32_t points_below(std::size_t k) const {
    const std::size_t i = index(k);
    if (is_negative(k)) return sorted_.negatives() - sorted_.negative_up_to(i);
    return sorted_.negatives() + sorted_.below(i) - sorted_.negative_below(i);
  }
  /// Number of elements <= point k.
  [[nodiscard]] std::uint32_t points_up_to(std::size_t k) const {
    const std::size_t i = index(k);
    if (is_negative(k)) return sorted_.negatives() - sorted_.negative_below(i);
    return sorted_.negatives() + sorted_.up_to(i) - sorted_.negative_up_to(i);
  }

  /// D of the magnitudes against a distribution function of (the index of) a magnitude.
  template <class Cdf>
  [[nodiscard]] double ks_of_magnitudes(Cdf cdf) const {
    return ks_distance(
        distinct(), total_, [&](std::size_t i) { return sorted_.below(i); },
        [&](std::size_t i) { return sorted_.up_to(i); }, cdf);
  }
  /// D of the signed values against a distribution function of the value.
  template <class Cdf>
  [[nodiscard]] double ks_of_values(Cdf cdf) const {
    return ks_distance(
        points(), total_, [&](std::size_t k) { return points_below(k); },
        [&](std::size_t k) { return points_up_to(k); },
        [&](std::size_t k) { return cdf(point(k)); });
  }

 private:
  [[nodiscard]] bool is_negative(std::size_t k) const { return k < distinct(); }
  [[nodiscard]] std::size_t index(std::size_t k) const {
    return is_negative(k) ? distinct() - 1 - k : k - distinct();
  }

  const SortedMagnitudes& sorted_;
  double total_;
  int exponent_ = 0;
  double unit_ = 1.0;
};

double normal_cdf(double z) { return 0.5 * std::erfc(-z * kSqrtHalf); }

/// Fills mu, sigma, skewness, kurtosis, expected_max and ks_lognormal.
void fit_lognormal(const RelativeSample& sample, TensorFit& fit) {
  const std::size_t distinct = sample.distinct();
  const double n = sample.total();
  std::vector<double> logs(distinct);
  CompensatedSum sum;
  for (std::size_t i = 0; i < distinct; ++i) {
    logs[i] = sample.log_magnitude(i);
    sum.add(sample.count(i) * logs[i]);
  }
  // One distinct value is its own mean, not the rounded quotient of n times it.
  const double mean = distinct == 1 ? logs[0] : sum.value() / n;

  CompensatedSum second;
  CompensatedSum third;
  CompensatedSum fourth;
  for (std::size_t i = 0; i < distinct; ++i) {
    const double d = logs[i] - mean;
    const double d2 = sample.count(i) * d * d;
    second.add(d2);
    third.add(d2 * d);
    fourth.add(d2 * d * d);
  }
  const double variance = second.value() / n;
  const double sigma = std::sqrt(variance);

  fit.mu_ln = mean + kLn2 * sample.exponent();
  fit.mu_log2 = mean / kLn2 + sample.exponent();
  fit.sigma_ln = sigma;
  fit.sigma_log2 = sigma / kLn2;
  fit.expected_max = distinct == 1 ? static_cast<double>(fit.counts.abs_max)
                                   : std::exp(fit.mu_ln + sigma * std::sqrt(2.0 * std::log(n)));
  if (distinct == 1) return;
  fit.skewness = third.value() / n / (variance * sigma);
  fit.excess_kurtosis = fourth.value() / n / (variance * variance) - 3.0;
  fit.ks_lognormal =
      sample.ks_of_magnitudes([&](std::size_t i) { return normal_cdf((logs[i] - mean) / sigma); });
}

/// Element `rank` (from 0) of the signed values in ascending order.
double order_statistic(const RelativeSample& sample, std::uint64_t rank) {
  return sample.point(
      first_index(sample.points(), [&](std::size_t k) { return sample.points_up_to(k) > rank; }));
}

void test_signed(const RelativeSample& sample, TensorFit& fit) {
  const double n = sample.total();
  const auto count = fit.counts.nonzeros();
  const double median =
      count % 2 == 1
          ? order_statistic(sample, count / 2)
          : 0.5 * (order_statistic(sample, count / 2 - 1) + order_statistic(sample, count / 2));
  const bool one_value = order_statistic(sample, 0) == order_statistic(sample, count - 1);
  if (one_value) return;

  const auto sum_over_values = [&](auto term) {
    CompensatedSum sum;
    for (std::size_t i = 0; i < sample.distinct(); ++i) {
      const double negatives = sample.negative_count(i);
      const double positives = sample.count(i) - negatives;
      const double x = sample.magnitude(i);
      sum.add(positives * term(x) + negatives * term(-x));
    }
    return sum.value();
  };
  const double mean = sum_over_values(std::identity{}) / n;
  const double std_deviation =
      std::sqrt(sum_over_values([&](double x) { return (x - mean) * (x - mean); }) / n);
  const double spread = sum_over_values([&](double x) { return std::abs(x - median); }) / n;

  const double unit = std::ldexp(1.0, sample.exponent());
  fit.laws.mean = mean * unit;
  fit.laws.deviation = std_deviation * unit;
  fit.laws.median = median * unit;
  fit.laws.spread = spread * unit;
  fit.ks_normal =
      sample.ks_of_values([&](double x) { return normal_cdf((x - mean) / std_deviation); });
  fit.ks_laplace = sample.ks_of_values([&](double x) {
    const double tail = 0.5 * std::exp(-std::abs(x - median) / spread);
    return x < median ? tail : 1.0 - tail;
  });
}

void test_magnitudes(const RelativeSample& sample, TensorFit& fit) {
  CompensatedSum sum;
  CompensatedSum squares;
  for (std::size_t i = 0; i < sample.distinct(); ++i) {
    const double x = sample.magnitude(i);
    sum.add(sample.count(i) * x);
    squares.add(sample.count(i) * x * x);
  }
  const double mean = sum.value() / sample.total();
  const double root_mean_square = std::sqrt(squares.value() / sample.total());
  fit.laws.mean_magnitude = std::ldexp(mean, sample.exponent());
  fit.laws.root_mean_square = std::ldexp(root_mean_square, sample.exponent());
  fit.ks_halfnormal = sample.ks_of_magnitudes(
      [&](std::size_t i) { return std::erf(sample.magnitude(i) / root_mean_square * kSqrtHalf); });
  fit.ks_exponential = sample.ks_of_magnitudes(
      [&](std::size_t i) { return -std::expm1(-sample.magnitude(i) / mean); });
}

}  // namespace

TensorFit fit_tensor(const SortedMagnitudes& sorted) {
  TensorFit fit;
  fit.counts = sorted.counts();
  if (fit.counts.nonzeros() == 0) return fit;
  const RelativeSample sample(sorted);
  fit_lognormal(sample, fit);
  test_signed(sample, fit);
  test_magnitudes(sample, fit);
  return fit;
}

TensorFit fit_tensor(std::span<const float> values) { return fit_tensor(SortedMagnitudes(values)); }

}  // namespace gradpath
