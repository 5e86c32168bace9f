// What a profile answers against casting every element: `encode` and `decode` one by one, sums in
// 80 bits, and the bulk kernels.
#include "models/profile/profile_table.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/profile/cast_measures.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/stats/fit.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

using Real = long double;

struct Named {
  std::string name;
  std::vector<float> values;
};

// Every place where the cell of a bucket could be told wrong: bucket edges, their neighbours and
// random values inside, over the whole range of fp32.
std::vector<float> edges(std::mt19937_64& random, int lowest, int highest, std::size_t n) {
  std::vector<float> values;
  while (values.size() < n) {
    const int field =
        127 + lowest + static_cast<int>(random() % static_cast<unsigned>(highest - lowest));
    const auto key =
        static_cast<std::uint32_t>(field << 7) | static_cast<std::uint32_t>(random() % 128);
    const std::uint32_t sign = random() % 2 == 0 ? 0 : 0x80000000u;
    for (const std::uint32_t low :
         {0u, 0u, 1u, 0x8000u, 0xffffu, static_cast<std::uint32_t>(random() & 0xffff)}) {
      values.push_back(std::bit_cast<float>(sign | key << 16 | low));
    }
  }
  return values;
}

std::vector<Named> tensors(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Named> list = {
      {"gradients", lognormal_tensor(seed + 1, 2500, -9, 2.2, 0.3)},
      {"near_one", lognormal_tensor(seed + 2, 2500, 0, 1.5)},
      {"narrow", lognormal_tensor(seed + 3, 1000, 0.3, 0.01)},
      {"wide", lognormal_tensor(seed + 4, 2500, 0, 14)},
      {"edges", edges(random, -20, 20, 4000)},
      {"edges_wide", edges(random, -126, 127, 4000)},
      {"one_value", std::vector<float>(100, 0.3f)},
      {"one_element", {-1.5f}},
  };
  auto odd = lognormal_tensor(seed + 5, 1000, -2, 3, 0.2);
  for (std::size_t i = 0; i < 9; ++i) {
    odd[i] = i % 3 == 0   ? std::numeric_limits<float>::quiet_NaN()
             : i % 3 == 1 ? std::numeric_limits<float>::infinity()
                          : -std::numeric_limits<float>::infinity();
  }
  list.push_back({"odd", odd});
  auto bfloat = lognormal_tensor(seed + 6, 1500, -5, 3, 0.1);
  for (float& x : bfloat) x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  list.push_back({"bfloat16", bfloat});
  std::vector<float> subnormal(1000);
  for (float& x : subnormal) {
    const auto bits = static_cast<std::uint32_t>(random());
    x = std::bit_cast<float>(bits & (0x800fffffu >> (random() % 16)));
  }
  list.push_back({"subnormal", subnormal});
  return list;
}

bool rounds_to_zero(Rounding::Mode mode, bool negative) {
  return mode == Rounding::Mode::rtz || (mode == Rounding::Mode::rup && negative) ||
         (mode == Rounding::Mode::rdn && !negative);
}

// One outcome of a cast, with its probability.
struct Outcome {
  Real value;
  Real probability;
  bool saturated;
};

// How far the profile's expectation may be from the one over R bits, a number a measure.
struct Truncation {
  Real counts = 0, mse = 0, cosine = 0, bias = 0, mean_relative_error = 0;
};

// The measures from `encode` alone, one element at a time. Stochastic rounding: the two outcomes
// that all-zero and all-one random words give, weighed by the definition's T / 2^R. The profile
// takes T / 2^R = f for elements from 2^-(R - 8) quanta on: up to 2^-R off.
CastMeasures one_by_one(const std::vector<float>& values, const Format& format, CastOptions options,
                        int k, Truncation& truncation) {
  options.nan = NanPolicy::zero;
  // The same grid with overflow that shows.
  Format probe = format;
  if (probe.non_finite == NonFinite::none) probe.non_finite = NonFinite::nan_neg_zero;
  CastOptions probe_options = options;
  probe_options.overflow = Overflow::standard;
  const double largest = max_finite(format);
  const double next =
      largest +
      std::ldexp(1.0, std::max(std::ilogb(largest), format.min_exponent()) - format.mantissa_bits);
  const auto outcome = [&](double x, std::uint32_t word) {
    const bool negative = std::signbit(x);
    bool saturated = !std::isfinite(decode(probe, encode(probe, probe_options, x, word)));
    if (rounds_to_zero(options.rounding.mode, negative)) saturated = std::abs(x) >= next;
    return Outcome{decode(format, encode(format, options, x, word)), 1, saturated};
  };
  Real zeros = 0, saturated = 0, included = 0, nonzero = 0, se = 0, re = 0, e = 0, qx = 0, qq = 0,
       xx = 0, cut_qx = 0, variance = 0;
  for (const float value : values) {
    if (std::isnan(value)) continue;
    if (std::isinf(value)) {
      saturated += 1;
      continue;
    }
    const double x = std::ldexp(static_cast<double>(value), k);
    std::vector<Outcome> outcomes = {outcome(x, 0)};
    if (options.rounding.is_stochastic()) {
      const Outcome up = outcome(x, ~0u);
      Outcome& down = outcomes[0];
      const Real beyond = up.saturated ? std::copysign(next, x) : up.value;
      if (beyond != down.value && !down.saturated && x != 0) {
        const Real fraction = (x - down.value) / (beyond - down.value);
        const Real steps = std::ldexp(Real{1}, options.rounding.random_bits);
        const Real p = options.rounding.mode == Rounding::Mode::sr
                           ? std::floor(fraction * steps) / steps
                           : std::nearbyint(fraction * steps) / steps;
        const Real gap = std::abs(beyond - down.value);
        if (p != fraction && fraction * steps >= 0.5) {
          const Real unscaled = std::ldexp(gap, -k);
          truncation.counts += 1 / steps;
          truncation.mse += unscaled * unscaled / steps;
          truncation.bias += unscaled / steps;
          cut_qx += unscaled * std::abs(Real{value}) / steps;
          truncation.mean_relative_error += gap / std::abs(x) / steps;
        }
        down.probability = 1 - p;
        outcomes.push_back({up.value, p, up.saturated});
      }
    }
    // Two outcomes a and b with probabilities p and r: p r (a - b)^2, of those that stay finite.
    if (outcomes.size() == 2 && std::isfinite(static_cast<double>(outcomes[1].value))) {
      const Real gap = std::ldexp(outcomes[1].value - outcomes[0].value, -k);
      variance += outcomes[0].probability * outcomes[1].probability * gap * gap;
    }
    for (const Outcome& o : outcomes) {
      const Real q = o.value;
      zeros += q == 0 ? o.probability : 0;
      saturated += o.saturated ? o.probability : 0;
      if (!std::isfinite(q)) continue;
      included += o.probability;
      const Real scale = std::ldexp(Real{1}, -k);
      const Real difference = (q - Real{x}) * scale;
      se += o.probability * difference * difference;
      e += o.probability * difference;
      qx += o.probability * q * x * scale * scale;
      qq += o.probability * q * q * scale * scale;
      xx += o.probability * x * x * scale * scale;
      if (x == 0) continue;
      nonzero += o.probability;
      re += o.probability * std::abs(q - Real{x}) / std::abs(Real{x});
    }
  }
  const Real n = included;
  if (cut_qx > 0) truncation.cosine = cut_qx / std::abs(qx) + truncation.mse / qq;
  truncation.mse /= n;
  truncation.bias /= n;
  truncation.mean_relative_error /= nonzero;
  const auto real = [](Real r) { return static_cast<double>(r); };
  CastMeasures m;
  m.numel = values.size();
  m.zeros = real(zeros);
  m.saturated = real(saturated);
  m.excluded = real(static_cast<Real>(values.size()) - included);
  m.mean_relative_error = real(re / nonzero);
  m.mse = real(se / included);
  m.cosine = real(qx / (std::sqrt(qq) * std::sqrt(xx)));
  m.sqnr_db = real(10 * std::log10(xx / se));
  m.bias = real(e / included);
  m.variance = real(variance / included);
  return m;
}

void expect_near(double found, double expected, double tolerance, const char* what) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(found)) << what << " " << found;
  } else if (std::isinf(expected)) {
    EXPECT_EQ(found, expected) << what;
  } else {
    EXPECT_NEAR(found, expected, tolerance) << what;
  }
}

void expect_same(const CastMeasures& found, const CastMeasures& expected,
                 const Truncation& truncation = {}, double relative_tolerance = 1e-7) {
  const auto real = [](Real r) { return static_cast<double>(r); };
  EXPECT_EQ(found.numel, expected.numel);
  // Counts are exact; expected numbers of them are sums of fractions.
  const double counts = real(truncation.counts) +
                        1e-12 * static_cast<double>(found.numel) * (truncation.counts > 0 ? 1 : 0);
  const double whole = found.zeros == std::floor(found.zeros) ? counts : counts + 1e-9;
  expect_near(found.zeros, expected.zeros, whole, "zeros");
  expect_near(found.saturated, expected.saturated,
              found.saturated == std::floor(found.saturated) ? counts : counts + 1e-9, "saturated");
  expect_near(found.excluded, expected.excluded, 1e-9, "excluded");
  const double mse = 1e-12 * expected.mse + real(truncation.mse);
  expect_near(found.mse, expected.mse, mse, "mse");
  expect_near(found.variance, expected.variance, 1e-12 * expected.mse + real(truncation.mse),
              "variance");
  const double relative = truncation.mse > 0 ? real(truncation.mse) / expected.mse : 0;
  expect_near(found.cosine, expected.cosine, 1e-12 + real(truncation.cosine), "cosine");
  expect_near(found.sqnr_db, expected.sqnr_db,
              1e-10 * std::abs(expected.sqnr_db) + 1e-10 + 5 * relative, "sqnr_db");
  expect_near(found.bias, expected.bias, 1e-12 * std::sqrt(expected.mse) + real(truncation.bias),
              "bias");
  expect_near(found.mean_relative_error, expected.mean_relative_error,
              relative_tolerance * std::max(1.0, expected.mean_relative_error) +
                  real(truncation.mean_relative_error),
              "mean_relative_error");
}

class ProfileAnswers : public testing::TestWithParam<std::string> {};

TEST_P(ProfileAnswers, EqualCastingEveryElement) {
  const auto seed = test_seed(81);
  const Format format = parse_format(GetParam());
  int answered = 0;
  for (const auto& [name, values] : tensors(seed)) {
    const ProfileTable table(profile_tensor(values));
    for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr", "sru"}) {
      for (const Overflow overflow : {Overflow::standard, Overflow::saturate}) {
        for (const Flush flush : {Flush::none, Flush::both}) {
          for (const int k : {0, 9, -6}) {
            const CastOptions options{parse_rounding(rounding), overflow, NanPolicy::zero, flush};
            const auto answer = table.measure(format, options, k);
            if (!answer.refusal.empty()) continue;
            SCOPED_TRACE(GetParam() + " " + name + " " + rounding + " " +
                         std::string(overflow_name(overflow)) +
                         (flush == Flush::both ? " flush" : "") + " 2^" + std::to_string(k));
            ++answered;
            Truncation truncation;
            const CastMeasures expected = one_by_one(values, format, options, k, truncation);
            // docs/profile.md, "Exactness": the reciprocals' error is amplified by 2^(M + 1).
            const bool stochastic = options.rounding.is_stochastic();
            expect_same(answer.measures, expected, truncation,
                        stochastic ? 1e-7 + 5e-8 * std::ldexp(2.0, format.mantissa_bits) : 1e-7);
            if (options.rounding.is_stochastic()) {
              // What words are drawn does not matter to the variance, if none may overflow.
              if (overflow != Overflow::saturate || name == "subnormal") continue;
              const CastMeasures drawn =
                  measure_by_casting(format, options, std::ldexp(1.0f, k), values, values,
                                     CounterRandom(Seed{static_cast<std::uint64_t>(k)}));
              expect_near(drawn.variance, expected.variance, 1e-9 * expected.variance,
                          "variance of the kernel's words");
              continue;
            }
            const CastMeasures kernels = measure_by_casting(format, options, std::ldexp(1.0f, k),
                                                            values, values, CounterRandom(Seed{}));
            expect_same(kernels, expected);
            if (testing::Test::HasFailure()) return;
          }
        }
      }
    }
  }
  RecordProperty("answered", answered);
  // bf16 and finer are refused for all but bf16 data and subnormal results.
  EXPECT_GT(answered, format.mantissa_bits <= 6 ? 500 : 40);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, ProfileAnswers,
    testing::ValuesIn(parse_format_list(
        "e5m2,e4m3,e4m3fn,e3m4,e2m5f,e5m2fnuz,e4m3b11fnuz,e3m2fn,e2m3fn,e2m1fn,e3m0,e4m0f,e1m6f,"
        "e1m0f,e7m0fnuz,e6m6fn,e5m6b40,e8m3b140f,binary8p3se,binary6p2sf,bf16,fp16,tf32,e4m7f")),
    [](const auto& row) { return row.param; });

TEST(ProfileTable, AnswersEveryOrdinaryQuestionOnGradients) {
  const auto values = lognormal_tensor(test_seed(82), 5000, -9, 2.2, 0.3);
  const ProfileTable table(profile_tensor(values));
  for (const auto& name : parse_format_list("e{2..6}m{0..6}f,e5m2,e4m3fn")) {
    for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr", "sru"}) {
      for (const int k : {0, 12, -3}) {
        const auto answer =
            table.measure(parse_format(name), {parse_rounding(rounding), Overflow::saturate}, k);
        EXPECT_EQ(answer.refusal, "") << name << " " << rounding;
      }
    }
  }
}

TEST(ProfileTable, RefusesWhatItCannotKnow) {
  const auto values = lognormal_tensor(test_seed(83), 500, 0, 1);
  const ProfileTable table(profile_tensor(values));
  const auto refused = [&](const char* format, const char* rounding, int k = 0) {
    return !table.measure(parse_format(format), {parse_rounding(rounding)}, k).refusal.empty();
  };
  EXPECT_TRUE(refused("bf16", "rne"));  // 7 mantissa bits: midpoints inside the buckets
  EXPECT_FALSE(refused("bf16", "rtz"));
  EXPECT_TRUE(refused("fp16", "rtz"));
  EXPECT_TRUE(refused("e5m2", "sr:8"));
  EXPECT_FALSE(refused("e5m2", "sr:21"));
  EXPECT_TRUE(refused("e8m0fnu", "rne"));
  EXPECT_TRUE(refused("e5m2", "rne", 127));
  EXPECT_TRUE(refused("e5m2", "rup", -127));
  EXPECT_FALSE(refused("e5m2", "rne", -127));  // all zero, whatever fp32 does
}

// 2^36 elements of 1 are answered, one more is not: the sums of a binade would overflow later on.
TEST(ProfileTable, RefusesMoreElementsThanABinadesSumsHold) {
  const auto refusal = [](std::uint64_t count) {
    const Profile ones(0, 0, 0, 0x3f800000u, 0x3f800000u, 0, {{0x3f80, count, count, 0, 0}});
    return ProfileTable(ones).measure(parse_format("e5m2"), {}, 0).refusal;
  };
  EXPECT_EQ(refusal(ProfileTable::kMostInABinade), "");
  EXPECT_NE(refusal(ProfileTable::kMostInABinade + 1), "");
}

TEST(ProfileTable, SaysThatStochasticOverflowIsWhatItRefuses) {
  const std::vector<float> values = {60000.0f, 1.0f};  // of e5m2, 57344 is the largest finite
  const ProfileTable table(profile_tensor(values));
  const auto refusal = [&](Overflow overflow) {
    return table.measure(parse_format("e5m2"), {parse_rounding("sr"), overflow}, 0).refusal;
  };
  EXPECT_NE(refusal(Overflow::standard).find("past the largest finite"), std::string_view::npos);
  EXPECT_EQ(refusal(Overflow::saturate), "");
}

TEST(ProfileTable, RefusesResultsBelowFp32) {
  // The largest finite of e2m5b60fn is below 2^-56; over 2^125 that is zero in fp32, over 2^80 not.
  const auto format = parse_format("e2m5b60fn");
  for (const float x : {0x1p-128f, std::numeric_limits<float>::infinity()}) {
    const std::vector<float> values = {x, x, 0.0f};
    const ProfileTable table(profile_tensor(values));
    const CastOptions options{parse_rounding("rne"), Overflow::saturate};
    EXPECT_FALSE(table.measure(format, options, 125).refusal.empty()) << x;
    const auto answer = table.measure(format, options, 80);
    ASSERT_EQ(answer.refusal, "");
    expect_same(answer.measures, measure_by_casting(format, options, 0x1p80f, values, values,
                                                    CounterRandom(Seed{})));
  }
}

TEST(ProfileTable, EmptyAndAllZeroTensorsHaveNoErrors) {
  const auto measures = [](const std::vector<float>& values) {
    return ProfileTable(profile_tensor(values)).measure(parse_format("e4m3fn"), {}, 0).measures;
  };
  const CastMeasures empty = measures({});
  EXPECT_EQ(empty.numel, 0u);
  EXPECT_TRUE(std::isnan(empty.mse) && std::isnan(empty.cosine) &&
              std::isnan(empty.zero_fraction()));
  const CastMeasures zeros = measures({0.0f, -0.0f});
  EXPECT_EQ(zeros.mse, 0.0);
  EXPECT_EQ(zeros.zero_fraction(), 1.0);
  EXPECT_TRUE(std::isnan(zeros.mean_relative_error) && std::isnan(zeros.cosine));
}

TEST(ProfileTable, ExactTiesGoWhereTheFormatSaysDecidedByHand) {
  // e2m1fn: 0 .5 1 1.5 2 3 4 6. Ties 0.25 0.75 1.25 2.5 3.5 5 go to 0 1 1 2 4 4; 7 and above
  // overflow, 7 being the tie to 8, whose code is even.
  const std::vector<float> values = {0.25f, 0.75f, 1.25f, 2.5f, 3.5f, 5.0f, 7.0f, 6.9f};
  const ProfileTable table(profile_tensor(values));
  const CastMeasures m = table.measure(parse_format("e2m1fn"), {}, 0).measures;
  EXPECT_EQ(m.zeros, 1);
  EXPECT_EQ(m.saturated, 1);
  const double se = 3 * 0.25 * 0.25 + 2 * 0.5 * 0.5 + 1 + 1 + 0.9 * 0.9;
  EXPECT_NEAR(m.mse, se / 8, 1e-7);  // 6.9f is not 6.9
}

TEST(ProfileTable, LogMomentsEqualTheFit) {
  const auto seed = test_seed(84);
  for (const auto& [name, values] : tensors(seed)) {
    if (name == "subnormal") continue;  // buckets are wide there
    SCOPED_TRACE(name);
    const ProfileTable table(profile_tensor(values));
    const TensorFit fit = fit_tensor(values);
    EXPECT_NEAR(table.log_moments().mu_ln, fit.mu_ln, 1e-8 * std::abs(fit.mu_ln) + 1e-8);
    EXPECT_NEAR(table.log_moments().sigma_ln, fit.sigma_ln, 1e-5);
    EXPECT_NEAR(table.expected_max() / fit.expected_max, 1, 1e-4);
  }
}

}  // namespace
}  // namespace gradpath
