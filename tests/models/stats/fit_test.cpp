#include "models/stats/fit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <boost/math/distributions/exponential.hpp>
#include <boost/math/distributions/laplace.hpp>
#include <boost/math/distributions/normal.hpp>
#include <gtest/gtest.h>

#include "models/stats/generalised.hpp"
#include "models/stats/ks.hpp"
#include "models/stats/sum.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// D by its definition: sorted, the CDF at every element, both sides of every step. Where several
/// elements are equal, only the outer two of their steps exist.
template <class Cdf>
double ks_by_definition(std::vector<double> sample, Cdf cdf) {
  std::ranges::sort(sample);
  const auto n = static_cast<double>(sample.size());
  double largest = 0.0;
  for (const double x : sample) {
    const auto below = static_cast<double>(std::ranges::lower_bound(sample, x) - sample.begin());
    const auto up_to = static_cast<double>(std::ranges::upper_bound(sample, x) - sample.begin());
    largest = std::max({largest, std::fabs(up_to / n - cdf(x)), std::fabs(cdf(x) - below / n)});
  }
  return largest;
}

/// The fit by its definitions in long double, with Boost's distributions.
TensorFit fit_by_definition(const std::vector<float>& values) {
  std::vector<double> x;
  std::vector<double> magnitude;
  std::vector<long double> logs;
  for (const float value : values) {
    if (!std::isfinite(value) || value == 0.0f) continue;
    x.push_back(value);
    magnitude.push_back(std::fabs(static_cast<double>(value)));
    logs.push_back(std::log(static_cast<long double>(magnitude.back())));
  }
  const auto n = static_cast<long double>(x.size());
  const auto mean_of = [n](const auto& sample, auto term) {
    long double sum = 0;
    for (const auto value : sample) sum += term(static_cast<long double>(value));
    return sum / n;
  };
  const auto self = [](long double v) { return v; };
  const long double mu = mean_of(logs, self);
  const auto moment = [&](int k) {
    return mean_of(logs,
                   [&](long double v) { return std::pow(v - mu, static_cast<long double>(k)); });
  };
  const long double sigma = std::sqrt(moment(2));
  const long double mean = mean_of(x, self);
  const long double deviation =
      std::sqrt(mean_of(x, [&](long double v) { return (v - mean) * (v - mean); }));
  std::vector<double> ordered = x;
  std::ranges::sort(ordered);
  const double median = (ordered[(x.size() - 1) / 2] + ordered[x.size() / 2]) / 2;
  const long double spread = mean_of(x, [&](long double v) { return std::fabs(v - median); });
  const long double rms = std::sqrt(mean_of(x, [](long double v) { return v * v; }));
  const long double mean_magnitude = mean_of(magnitude, self);

  TensorFit fit;
  fit.mu_ln = static_cast<double>(mu);
  fit.sigma_ln = static_cast<double>(sigma);
  fit.mu_log2 = static_cast<double>(mu / std::log(2.0L));
  fit.sigma_log2 = static_cast<double>(sigma / std::log(2.0L));
  fit.skewness = static_cast<double>(moment(3) / (sigma * sigma * sigma));
  fit.excess_kurtosis = static_cast<double>(moment(4) / (sigma * sigma * sigma * sigma) - 3);
  const boost::math::normal lognormal(fit.mu_ln, fit.sigma_ln);
  fit.ks_lognormal =
      ks_by_definition(magnitude, [&](double v) { return cdf(lognormal, std::log(v)); });
  const boost::math::normal normal(static_cast<double>(mean), static_cast<double>(deviation));
  fit.ks_normal = ks_by_definition(x, [&](double v) { return cdf(normal, v); });
  const boost::math::laplace laplace(median, static_cast<double>(spread));
  fit.ks_laplace = ks_by_definition(x, [&](double v) { return cdf(laplace, v); });
  const boost::math::normal half(0, static_cast<double>(rms));
  fit.ks_halfnormal =
      ks_by_definition(magnitude, [&](double v) { return cdf(half, v) - cdf(half, -v); });
  const boost::math::exponential exponential(static_cast<double>(1 / mean_magnitude));
  fit.ks_exponential = ks_by_definition(magnitude, [&](double v) { return cdf(exponential, v); });
  fit.expected_max = static_cast<double>(std::exp(mu + sigma * std::sqrt(2 * std::log(n))));
  return fit;
}

void expect_near_relative(double actual, double expected, double tolerance) {
  EXPECT_NEAR(actual, expected, tolerance * std::max(1e-300, std::fabs(expected)));
}

void expect_like_definition(const std::vector<float>& values) {
  const TensorFit actual = fit_tensor(values);
  const TensorFit expected = fit_by_definition(values);
  expect_near_relative(actual.mu_ln, expected.mu_ln, 1e-13);
  expect_near_relative(actual.sigma_ln, expected.sigma_ln, 1e-13);
  expect_near_relative(actual.mu_log2, expected.mu_log2, 1e-13);
  expect_near_relative(actual.sigma_log2, expected.sigma_log2, 1e-13);
  EXPECT_NEAR(actual.skewness, expected.skewness, 1e-10);
  EXPECT_NEAR(actual.excess_kurtosis, expected.excess_kurtosis, 1e-10);
  EXPECT_NEAR(actual.ks_lognormal, expected.ks_lognormal, 1e-12);
  EXPECT_NEAR(actual.ks_normal, expected.ks_normal, 1e-12);
  EXPECT_NEAR(actual.ks_laplace, expected.ks_laplace, 1e-12);
  EXPECT_NEAR(actual.ks_halfnormal, expected.ks_halfnormal, 1e-12);
  EXPECT_NEAR(actual.ks_exponential, expected.ks_exponential, 1e-12);
  expect_near_relative(actual.expected_max, expected.expected_max, 1e-12);
}

/// All that must not change when a tensor is shuffled.
std::vector<double> all_fields(const TensorFit& f) {
  return {f.mu_ln,        f.sigma_ln,        f.mu_log2,        f.sigma_log2,    f.skewness,
          f.ks_lognormal, f.excess_kurtosis, f.ks_normal,      f.ks_laplace,    f.ks_halfnormal,
          f.expected_max, f.ks_exponential,  f.counts.abs_min, f.counts.abs_max};
}

TEST(CompensatedSum, KeepsWhatAPlainSumLoses) {
  CompensatedSum sum;
  for (const double term : {1.0, 1e100, 1.0, -1e100}) sum.add(term);
  EXPECT_EQ(sum.value(), 2.0);
}

TEST(KsDistances, SkippingBucketsChangesNothing) {
  std::mt19937_64 random(test_seed(21));
  std::uniform_real_distribution<double> uniform;
  for (const std::size_t n : {1u, 2u, 255u, 256u, 257u, 5'000u}) {
    // Magnitudes against the uniform law on (0, 1), signed values against that on (-1, 1).
    std::vector<float> values(n);
    for (float& x : values) {
      x = static_cast<float>(std::pow(1 - uniform(random), 1.02));
      if (random() % 2 == 0) x = -x;
    }
    std::vector<double> sample(values.begin(), values.end());
    std::ranges::sort(sample);
    std::vector<double> magnitudes(n);
    std::ranges::transform(sample, magnitudes.begin(), [](double x) { return std::fabs(x); });
    std::ranges::sort(magnitudes);
    for (const std::size_t batch : {SortedMagnitudes::kBatch, std::size_t{100}}) {
      double of_magnitudes = -1;
      double of_values = -1;
      const KsLaw laws[] = {{.distance = &of_magnitudes, .cdf = [](float m) { return double{m}; }},
                            {.distance = &of_values,
                             .cdf = [](float m) { return (1 + double{m}) / 2; },
                             .cdf_of_negative = [](float m) { return (1 - double{m}) / 2; }}};
      ks_distances(SortedMagnitudes(values, batch), laws);
      EXPECT_EQ(of_magnitudes, ks_by_definition(magnitudes, [](double x) { return x; })) << n;
      EXPECT_EQ(of_values, ks_by_definition(sample, [](double x) { return (1 + x) / 2; })) << n;
    }
  }
}

// The same bits, however little is sorted at a time.
TEST(Fit, DoesNotDependOnTheBatch) {
  std::vector<float> values = lognormal_tensor(test_seed(29), 20'000, -9.0, 1.5, 0.2);
  for (std::size_t i = 0; i < 6'000; ++i) values.push_back(1e-4f);  // a bucket beyond the batch
  const std::vector<double> expected = all_fields(fit_tensor(values));
  const GeneralisedFit generalised = fit_generalised(SortedMagnitudes(values));
  for (const std::size_t batch : {std::size_t{5'000}, std::size_t{300}}) {
    EXPECT_EQ(all_fields(fit_tensor(SortedMagnitudes(values, batch))), expected);
    const GeneralisedFit found = fit_generalised(SortedMagnitudes(values, batch));
    EXPECT_EQ(found.shape, generalised.shape);
    EXPECT_EQ(found.ks, generalised.ks);
  }
}

TEST(Fit, OfFourPowersOfTwoIsThatByHand) {
  // log2|x| = 0 1 2 3: mean 1.5, variance 1.25, m3 = 0, m4 = (2 * 1.5^4 + 2 * .5^4) / 4 = 2.5625.
  const TensorFit fit = fit_tensor(std::vector<float>{4.0f, -1.0f, 8.0f, 2.0f});
  EXPECT_DOUBLE_EQ(fit.mu_log2, 1.5);
  EXPECT_DOUBLE_EQ(fit.sigma_log2, std::sqrt(1.25));
  EXPECT_DOUBLE_EQ(fit.mu_ln, 1.5 * std::log(2.0));
  EXPECT_DOUBLE_EQ(fit.sigma_ln, std::sqrt(1.25) * std::log(2.0));
  EXPECT_NEAR(fit.skewness, 0.0, 1e-15);
  EXPECT_NEAR(fit.excess_kurtosis, 2.5625 / 1.5625 - 3.0, 1e-14);
  // z = +-.5 / sqrt(1.25) at the steps to and from 1/2: D = Phi(sqrt(.2)) - 1/2, from a table of
  // erf: erf(sqrt(.1)) / 2.
  EXPECT_NEAR(fit.ks_lognormal, 0.17264, 5e-6);
  // sigma of ln times sqrt(2 ln 4) above mu, in octaves.
  EXPECT_NEAR(std::log2(fit.expected_max), 1.5 + std::sqrt(1.25 * 2 * std::log(4.0)), 1e-14);
}

TEST(Fit, OfTwoOppositeValuesIsThatByHand) {
  // -1 and 1: mean 0, std 1, median 0, mean |x - median| 1.
  const TensorFit fit = fit_tensor(std::vector<float>{-1.0f, 1.0f});
  EXPECT_NEAR(fit.ks_normal, 0.5 - 0.158655253931457, 1e-15);
  EXPECT_NEAR(fit.ks_laplace, 0.5 - 0.5 * std::exp(-1.0), 1e-15);
  // Magnitudes 1, 1: one step of height 1.
  EXPECT_NEAR(fit.ks_halfnormal, 0.682689492137086, 1e-15);
  EXPECT_NEAR(fit.ks_exponential, 1.0 - std::exp(-1.0), 1e-15);
}

TEST(Fit, EqualsTheDefinitionsOnRandomTensors) {
  const std::uint64_t seed = test_seed(22);
  expect_like_definition(lognormal_tensor(seed, 20'000, -14.0, 1.7, 0.3));
  expect_like_definition(lognormal_tensor(seed + 1, 20'001, 3.0, 0.02));
  expect_like_definition(lognormal_tensor(seed + 2, 3'000, -60.0, 30.0, 0.1));  // to both ends
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(1e-3, 2e-3);
  std::vector<float> values(10'000);
  for (float& x : values) x = static_cast<float>(normal(random));
  expect_like_definition(values);
}

TEST(Fit, EqualsTheDefinitionsWithTies) {
  std::vector<float> values = lognormal_tensor(test_seed(23), 20'000, -9.0, 1.2, 0.5);
  for (float& x : values) {  // bf16, then a format with one mantissa bit
    x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  }
  expect_like_definition(values);
  for (float& x : values) x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffc00000u);
  expect_like_definition(values);
  for (float& x : values) x *= 1.1f;  // ties that are no bf16 values: sorted, not counted
  expect_like_definition(values);
}

TEST(Fit, CountingBf16CodesAndSortingGiveTheSameBits) {
  std::vector<float> values = lognormal_tensor(test_seed(24), 5'000, -9.0, 1.2, 0.2);
  for (float& x : values) {
    x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  }
  values.push_back(kNan);
  const TensorFit counted = fit_tensor(values);
  values.back() = std::bit_cast<float>(0x7fc00001u);  // a NaN that no bf16 can be: it is sorted
  const TensorFit sorted = fit_tensor(values);
  EXPECT_EQ(all_fields(counted), all_fields(sorted));
}

TEST(Fit, IsTheSameBitsForAnyOrder) {
  const std::uint64_t seed = test_seed(25);
  std::vector<float> values = lognormal_tensor(seed, 30'000, -14.0, 2.0, 0.1);
  const std::vector<double> expected = all_fields(fit_tensor(values));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3; ++i) {
    std::ranges::shuffle(values, random);
    EXPECT_EQ(all_fields(fit_tensor(values)), expected);
  }
}

TEST(Fit, PowersOfTwoMoveMuAloneAndTheRestNotByOneBit) {
  const std::vector<float> values = lognormal_tensor(test_seed(26), 10'000, 0.0, 1.5, 0.1);
  const TensorFit fit = fit_tensor(values);
  for (const int shift : {-90, -7, 1, 64}) {
    std::vector<float> scaled = values;
    for (float& x : scaled) x = std::ldexp(x, shift);
    const TensorFit moved = fit_tensor(scaled);
    EXPECT_NEAR(moved.mu_log2, fit.mu_log2 + shift, 2e-14);
    EXPECT_NEAR(moved.mu_ln, fit.mu_ln + shift * std::log(2.0), 2e-14);
    EXPECT_EQ(moved.sigma_ln, fit.sigma_ln);
    EXPECT_EQ(moved.skewness, fit.skewness);
    EXPECT_EQ(moved.excess_kurtosis, fit.excess_kurtosis);
    EXPECT_EQ(moved.ks_lognormal, fit.ks_lognormal);
    EXPECT_EQ(moved.ks_normal, fit.ks_normal);
    EXPECT_EQ(moved.ks_laplace, fit.ks_laplace);
    EXPECT_EQ(moved.ks_halfnormal, fit.ks_halfnormal);
    EXPECT_EQ(moved.ks_exponential, fit.ks_exponential);
  }
}

TEST(Fit, ZerosInfinitiesAndNansAreCountedAndNothingElse) {
  std::vector<float> values = lognormal_tensor(test_seed(27), 1'000, -3.0, 1.0);
  const TensorFit clean = fit_tensor(values);
  for (const float x : {0.0f, -0.0f, kInf, -kInf, kNan}) values.insert(values.begin() + 500, x);
  const TensorFit mixed = fit_tensor(values);
  EXPECT_EQ(all_fields(mixed), all_fields(clean));
  EXPECT_EQ(mixed.counts.zeros, 2u);
  EXPECT_EQ(mixed.counts.infs, 2u);
  EXPECT_EQ(mixed.counts.nans, 1u);
  EXPECT_EQ(mixed.counts.numel, 1'005u);
}

TEST(Fit, WithoutAFiniteNonzeroIsUndefined) {
  for (const std::vector<float>& values :
       {std::vector<float>{}, {0.0f, -0.0f}, {kInf, kNan, 0.0f}}) {
    const TensorFit fit = fit_tensor(values);
    EXPECT_EQ(fit.counts.numel, values.size());
    for (const double field : all_fields(fit)) EXPECT_TRUE(std::isnan(field));
  }
}

TEST(Fit, OfOneValueHasNoSpreadButAnOrigin) {
  for (const std::vector<float>& values :
       {std::vector<float>{-0.3f}, {-0.3f, -0.3f, -0.3f, 0.0f}, {1e-41f, 1e-41f}}) {
    const TensorFit fit = fit_tensor(values);
    const double x = std::fabs(static_cast<double>(values[0]));
    EXPECT_NEAR(fit.mu_ln, std::log(x), 1e-14 * std::fabs(std::log(x)));
    EXPECT_EQ(fit.sigma_ln, 0.0);
    EXPECT_EQ(fit.sigma_log2, 0.0);
    EXPECT_EQ(fit.expected_max, x);
    EXPECT_TRUE(std::isnan(fit.skewness));
    EXPECT_TRUE(std::isnan(fit.excess_kurtosis));
    EXPECT_TRUE(std::isnan(fit.ks_lognormal));
    EXPECT_TRUE(std::isnan(fit.ks_normal));
    EXPECT_TRUE(std::isnan(fit.ks_laplace));
    EXPECT_NEAR(fit.ks_halfnormal, std::erf(std::sqrt(0.5)), 1e-14);
    EXPECT_NEAR(fit.ks_exponential, 1.0 - std::exp(-1.0), 1e-14);
  }
}

TEST(Fit, OfTheExtremesOfFp32StaysFinite) {
  const TensorFit fit = fit_tensor(std::vector<float>{std::numeric_limits<float>::denorm_min(),
                                                      std::numeric_limits<float>::max()});
  // 2^-149 and (1 - 2^-24) 2^128.
  EXPECT_NEAR(fit.mu_log2, -10.5 + 0.5 * std::log2(1.0 - 0x1p-24), 1e-13);
  EXPECT_NEAR(fit.sigma_log2, 138.5 + 0.5 * std::log2(1.0 - 0x1p-24), 1e-13);
  for (const double field : all_fields(fit)) EXPECT_TRUE(std::isfinite(field));
}

}  // namespace
}  // namespace gradpath
