// The tables of LogThreshold against their definitions in fifty digits. What the units do with them
// is compared with the RTL by `gradpath verify`.
#include "models/prune/threshold_unit.hpp"

#include <algorithm>

#include <boost/math/special_functions/erf.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <gtest/gtest.h>

namespace gradpath {
namespace {

using Real = boost::multiprecision::cpp_bin_float_50;

// So far from the middle between two integers that no correct evaluation rounds it otherwise.
void expect_rounds_to(int found, const Real& exact) {
  EXPECT_LT(abs(exact - found), Real(0.5) - Real(1e-6)) << exact;
}

TEST(LogThresholdTables, LogarithmsAndPowersAreTheirDefinitionsRounded) {
  for (std::size_t i = 0; i < 64; ++i) {
    expect_rounds_to(LogThreshold::kLog2Table[i], 256 * log2(1 + (Real(i) + 0.5) / 64));
    expect_rounds_to(LogThreshold::kExp2Table[i], 1024 * (exp2((4 * Real(i) + 1.5) / 256) - 1));
  }
}

// S(u) of arXiv 2006.08173 at u half an entry above and below, which the target has to lie between.
TEST(LogThresholdTables, ThresholdsAreTheClosedFormRounded) {
  const auto cdf = [](const Real& z) -> Real { return erfc(-z / sqrt(Real(2))) / 2; };
  for (std::size_t t = 0; t < LogThreshold::kThresholdTable.size(); ++t) {
    for (std::size_t w = 0; w < LogThreshold::kThresholdTable[t].size(); ++w) {
      const Real target = 1 - exp2(-std::max(Real(t) / 2, Real(1) / 32));
      const Real octaves = exp2((Real(w) / 2 - 4) / 2);
      const Real sigma = octaves * log(Real(2));
      const auto sparsity = [&](const Real& entry) -> Real {
        const Real u = entry / (256 * octaves);
        return cdf(u) - exp(sigma * sigma / 2 - sigma * u) * cdf(u - sigma);
      };
      const int entry = LogThreshold::kThresholdTable[t][w];
      EXPECT_LT(sparsity(entry - Real(0.499999)), target) << t << " " << w;
      EXPECT_GT(sparsity(entry + Real(0.499999)), target) << t << " " << w;
    }
  }
}

// Nothing is left to compute when a unit is made.
[[maybe_unused]] constinit const LogThreshold kMade;

}  // namespace
}  // namespace gradpath
