// What a profile answers for a pruned tensor against the expectation element by element, at the
// exact threshold of the sorted magnitudes, sums in 80 bits.
#include "models/profile/pruned_profile.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/prune/threshold.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

using Real = long double;

// Expectations over the pruner's words and, under sr, over the cast's.
CastMeasures by_elements(const std::vector<float>& values, float alpha, const Format& format,
                         const CastOptions& options) {
  Real n = 0, nonzero = 0, zeros = 0, se = 0, re = 0, e = 0, qx = 0, qq = 0, xx = 0;
  const auto cast = [&](Real x, Real probability, Real reference) {
    const auto outcome = [&](Real q, Real p) {
      zeros += q == 0 ? p : 0;
      se += p * (q - reference) * (q - reference);
      e += p * (q - reference);
      qx += p * q * reference;
      qq += p * q * q;
      if (reference != 0) re += p * std::abs(q - reference) / std::abs(reference);
    };
    const auto word = [&](std::uint32_t w) {
      return Real{decode(format, encode(format, options, static_cast<double>(x), w))};
    };
    if (!options.rounding.is_stochastic() || word(0) == word(~0u))
      return outcome(word(0), probability);
    const Real up = (x - word(0)) / (word(~0u) - word(0));
    outcome(word(0), probability * (1 - up));
    outcome(word(~0u), probability * up);
  };
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    const Real x = v;
    n += 1;
    nonzero += v != 0;
    xx += x * x;
    if (std::abs(v) >= alpha) {
      cast(x, 1, x);
    } else {
      const Real p = std::abs(x) / alpha;
      cast(std::copysign(Real{alpha}, x), p, x);
      cast(0, 1 - p, x);
    }
  }
  CastMeasures m;
  m.numel = values.size();
  m.zeros = static_cast<double>(zeros);
  m.mean_relative_error = static_cast<double>(re / nonzero);
  m.mse = static_cast<double>(se / n);
  m.bias = static_cast<double>(e / n);
  m.cosine = static_cast<double>(qx / (std::sqrt(qq) * std::sqrt(xx)));
  return m;
}

TEST(PrunedProfile, TheTruthIsWithinTheBound) {
  const auto seed = test_seed(95);
  auto odd = lognormal_tensor(seed + 1, 3000, -1, 1.2, 0.1);
  odd[3] = std::numeric_limits<float>::infinity();
  odd[4] = std::numeric_limits<float>::quiet_NaN();
  auto bfloat = lognormal_tensor(seed + 2, 3000, -1, 2);
  for (float& x : bfloat) x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  const std::vector<std::vector<float>> tensors = {
      lognormal_tensor(seed, 4000, 0, 2, 0.3), odd, bfloat, std::vector<float>(50, 0.3f), {-1.5f}};
  int answered = 0;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const Profile profile = profile_tensor(tensors[t]);
    for (const double target : {0.35, 0.5, 0.8, 0.9, 0.97}) {
      const PrunedProfile pruned(profile, target);
      const float alpha = exact_threshold(SortedMagnitudes(tensors[t]), target);
      EXPECT_LE(pruned.alpha().low, double{alpha});
      EXPECT_GE(pruned.alpha().high, double{alpha});
      for (const auto& name : parse_format_list("e5m2,e4m3fn,e2m3fn,e2m1fn,e3m6f")) {
        for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr"}) {
          const CastOptions options{parse_rounding(rounding), Overflow::saturate};
          const auto answer = pruned.measure(parse_format(name), options, 0);
          if (!answer.refusal.empty()) continue;
          ++answered;
          SCOPED_TRACE(std::to_string(t) + " " + name + " " + rounding + " " +
                       std::to_string(target));
          const CastMeasures truth = by_elements(tensors[t], alpha, parse_format(name), options);
          const auto near = [&](double CastMeasures::*m, double slack, double most) {
            if (std::isnan(truth.*m)) return;
            EXPECT_NEAR(answer.measures.*m, truth.*m, answer.bound.*m + slack);
            // A bound that is good for something: a fraction of a bucket's share of the elements.
            if (tensors[t].size() > 1000) {
              EXPECT_LE(answer.bound.*m, most);
            }
          };
          const double sr = options.rounding.is_stochastic() ? 1e-6 : 0;
          near(&CastMeasures::zeros, 1e-6 + 1e4 * sr, 60);
          near(&CastMeasures::mse, (1e-11 + sr) * truth.mse, 0.02 * truth.mse);
          near(&CastMeasures::mean_relative_error, 2e-7 + sr, 0.02);
          near(&CastMeasures::cosine, 1e-11 + sr, 0.01);
          near(&CastMeasures::bias, 1e-11 + sr, 0.05 * std::sqrt(truth.mse));
        }
      }
    }
  }
  EXPECT_GT(answered, 500);
}

TEST(PrunedProfile, Bfloat16DataLeaveNothingOpen) {
  auto values = lognormal_tensor(test_seed(96), 5000, 0, 1.5);
  for (float& x : values) x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  const PrunedProfile pruned(profile_tensor(values), 0.9);
  const auto answer = pruned.measure(parse_format("e4m3fn"), {}, 0);
  ASSERT_EQ(answer.refusal, "");
  EXPECT_LE(answer.bound.mse, 1e-6 * answer.measures.mse);
  EXPECT_LE(answer.bound.cosine, 1e-6);
  EXPECT_NEAR(answer.measures.zero_fraction(), 0.9, 1e-3);
}

TEST(PrunedProfile, NothingToDoIsThePlainAnswer) {
  const auto values = lognormal_tensor(test_seed(97), 1000, 0, 1.5, 0.5);
  const Profile profile = profile_tensor(values);
  const auto answer = PrunedProfile(profile, 0.2).measure(parse_format("e4m3fn"), {}, 0);
  EXPECT_EQ(answer.measures.mse,
            ProfileTable(profile).measure(parse_format("e4m3fn"), {}, 0).measures.mse);
  EXPECT_EQ(answer.bound.mse, 0);
}

}  // namespace
}  // namespace gradpath
