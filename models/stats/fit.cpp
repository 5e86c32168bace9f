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
#include "models/theory/normal.hpp"

namespace gradpath {
namespace {

constexpr double kLn2 = std::numbers::ln2;
constexpr double kSqrtHalf = 1.0 / std::numbers::sqrt2;

using theory::normal_cdf;

/// The tensor divided by the power of two below its median magnitude: nothing that is computed from
/// it changes when all elements are multiplied by a power of two.
class RelativeSample {
 public:
  explicit RelativeSample(const SortedMagnitudes& sorted)
      : sorted_(sorted), total_(static_cast<double>(sorted.counts().nonzeros())) {
    exponent_ = std::ilogb(sorted.magnitude_at((sorted.counts().nonzeros() + 1) / 2 - 1));
    unit_ = std::ldexp(1.0, -exponent_);
  }

  /// log2 of what the tensor was divided by.
  [[nodiscard]] int exponent() const { return exponent_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double relative(float magnitude) const { return double{magnitude} * unit_; }
  [[nodiscard]] double log_relative(float magnitude) const {
    const double x = magnitude;  // as a double even fp32's subnormals are normal
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const auto exponent = static_cast<int>(bits >> 52) - 1023;
    const auto significand =
        std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    return std::log(significand) + kLn2 * (exponent - exponent_);
  }
  /// Element `rank` (from 0) of the signed values in ascending order.
  [[nodiscard]] double order_statistic(std::uint64_t rank) const {
    const std::uint64_t negatives = sorted_.negatives();
    double found = 0.0;
    sorted_.visit_buckets(
        [&](const SortedMagnitudes::Bucket& b) {
          const std::uint64_t positive_below = negatives + b.below - b.negative_below;
          return rank < negatives ? b.negative_below < negatives - rank &&
                                        negatives - rank <= b.negative_below + b.negatives
                                  : positive_below <= rank && rank < positive_below + b.positives;
        },
        [&](const SortedMagnitudes::Bucket& b, const SortedMagnitudes::Runs& runs) {
          std::uint64_t negative_up_to = b.negative_below;
          std::uint64_t positive_below = negatives + b.below - b.negative_below;
          runs.for_each([&](const MagnitudeRun& run) {
            if (rank < negatives) {
              // Of the negative ones the largest magnitude comes first.
              if (negative_up_to < negatives - rank) found = -relative(run.magnitude);
              negative_up_to += run.negatives;
            } else {
              if (positive_below <= rank && run.positives > 0) found = relative(run.magnitude);
              positive_below += run.positives;
            }
          });
        });
    return found;
  }

 private:
  const SortedMagnitudes& sorted_;
  double total_;
  int exponent_ = 0;
  double unit_ = 1.0;
};

/// What the first visit sums.
struct FirstSums {
  CompensatedSum logs;
  CompensatedSum values;
  CompensatedSum distances;  ///< from the median
  CompensatedSum magnitudes;
  CompensatedSum squares;
};
/// The second, about the means.
struct SecondSums {
  CompensatedSum second;  ///< central moments of the logarithms
  CompensatedSum third;
  CompensatedSum fourth;
  CompensatedSum squares;  ///< of values
};

double count_of(const MagnitudeRun& run) { return static_cast<double>(run.count()); }

/// Negative and positive elements' terms; each magnitude stands once with either sign.
template <class Term>
double over_signs(const MagnitudeRun& run, double x, Term term) {
  return static_cast<double>(run.positives) * term(x) +
         static_cast<double>(run.negatives) * term(-x);
}

double laplace_cdf(double x, double median, double spread) {
  const double tail = 0.5 * std::exp(-std::abs(x - median) / spread);
  return x < median ? tail : 1.0 - tail;
}

}  // namespace

TensorFit fit_tensor(const SortedMagnitudes& sorted) {
  TensorFit fit;
  fit.counts = sorted.counts();
  const std::uint64_t count = fit.counts.nonzeros();
  if (count == 0) return fit;
  const RelativeSample sample(sorted);
  const double n = sample.total();
  const double median =
      count % 2 == 1
          ? sample.order_statistic(count / 2)
          : 0.5 * (sample.order_statistic(count / 2 - 1) + sample.order_statistic(count / 2));
  const bool one_magnitude = fit.counts.abs_min == fit.counts.abs_max;
  const bool one_value = one_magnitude && (sorted.negatives() == 0 || sorted.negatives() == count);

  FirstSums first;
  sorted.visit([&](const MagnitudeRun& run) {
    const double x = sample.relative(run.magnitude);
    first.logs.add(count_of(run) * sample.log_relative(run.magnitude));
    first.values.add(over_signs(run, x, std::identity{}));
    first.distances.add(over_signs(run, x, [&](double v) { return std::abs(v - median); }));
    first.magnitudes.add(count_of(run) * x);
    first.squares.add(count_of(run) * x * x);
  });
  // One distinct value is its own mean, not the rounded quotient of n times it.
  const double log_mean = one_magnitude
                              ? sample.log_relative(static_cast<float>(fit.counts.abs_max))
                              : first.logs.value() / n;
  const double mean = first.values.value() / n;

  SecondSums second;
  sorted.visit([&](const MagnitudeRun& run) {
    const double d = sample.log_relative(run.magnitude) - log_mean;
    const double d2 = count_of(run) * d * d;
    second.second.add(d2);
    second.third.add(d2 * d);
    second.fourth.add(d2 * d * d);
    second.squares.add(over_signs(run, sample.relative(run.magnitude),
                                  [&](double v) { return (v - mean) * (v - mean); }));
  });
  const double variance = second.second.value() / n;
  const double sigma = std::sqrt(variance);
  fit.mu_ln = log_mean + kLn2 * sample.exponent();
  fit.mu_log2 = log_mean / kLn2 + sample.exponent();
  fit.sigma_ln = sigma;
  fit.sigma_log2 = sigma / kLn2;
  fit.expected_max = one_magnitude ? fit.counts.abs_max
                                   : std::exp(fit.mu_ln + sigma * std::sqrt(2.0 * std::log(n)));

  const double deviation = std::sqrt(second.squares.value() / n);
  const double spread = first.distances.value() / n;
  const double mean_magnitude = first.magnitudes.value() / n;
  const double root_mean_square = std::sqrt(first.squares.value() / n);
  std::vector<KsLaw> laws;
  const auto of_magnitudes = [&](double& into, auto cdf) {
    laws.push_back({.distance = &into, .cdf = cdf});
  };
  const auto of_values = [&](double& into, auto cdf) {
    laws.push_back(
        {.distance = &into,
         .cdf = [&sample, cdf](float m) { return cdf(sample.relative(m)); },
         .cdf_of_negative = [&sample, cdf](float m) { return cdf(-sample.relative(m)); }});
  };
  if (!one_magnitude) {
    fit.skewness = second.third.value() / n / (variance * sigma);
    fit.excess_kurtosis = second.fourth.value() / n / (variance * variance) - 3.0;
    of_magnitudes(fit.ks_lognormal,
                  [&](float m) { return normal_cdf((sample.log_relative(m) - log_mean) / sigma); });
  }
  const double unit = std::ldexp(1.0, sample.exponent());
  if (!one_value) {
    fit.laws.mean = mean * unit;
    fit.laws.deviation = deviation * unit;
    fit.laws.median = median * unit;
    fit.laws.spread = spread * unit;
    of_values(fit.ks_normal, [&](double x) { return normal_cdf((x - mean) / deviation); });
    of_values(fit.ks_laplace, [&](double x) { return laplace_cdf(x, median, spread); });
  }
  fit.laws.mean_magnitude = std::ldexp(mean_magnitude, sample.exponent());
  fit.laws.root_mean_square = std::ldexp(root_mean_square, sample.exponent());
  of_magnitudes(fit.ks_halfnormal, [&](float m) {
    return std::erf(sample.relative(m) / root_mean_square * kSqrtHalf);
  });
  of_magnitudes(fit.ks_exponential,
                [&](float m) { return -std::expm1(-sample.relative(m) / mean_magnitude); });
  ks_distances(sorted, laws);
  return fit;
}

TensorFit fit_tensor(std::span<const float> values) { return fit_tensor(SortedMagnitudes(values)); }

}  // namespace gradpath
