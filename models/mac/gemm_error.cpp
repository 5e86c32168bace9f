#include "models/mac/gemm_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace gradpath {
namespace {

constexpr int kLastBinExponent = 23;

std::vector<UlpBin> empty_histogram() {
  std::vector<UlpBin> bins{{0, 0, 0}, {0, 0.5, 0}};
  for (int e = 0; e <= kLastBinExponent; ++e) {
    bins.push_back({bins.back().ulp_to, std::ldexp(1.0, e), 0});
  }
  bins.push_back({bins.back().ulp_to, std::numeric_limits<double>::infinity(), 0});
  return bins;
}

double ulp_at(const Format& format, double x) {
  const int exponent =
      x == 0 ? format.min_exponent() : std::max(std::ilogb(x), format.min_exponent());
  return std::ldexp(1.0, exponent - format.mantissa_bits);
}

}  // namespace

GemmError gemm_error(std::span<const float> results, std::span<const double> reference,
                     const Format& format, double scale) {
  if (results.size() != reference.size()) throw std::invalid_argument("gemm_error: sizes differ");
  GemmError error{.elements = results.size(), .histogram = empty_histogram()};
  std::uint64_t nonzero = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double exact = reference[i];
    if (!std::isfinite(results[i]) || !std::isfinite(exact)) {
      ++error.not_finite;
      continue;
    }
    const double absolute = std::fabs(double{results[i]} - exact);
    const double ulps = absolute * scale / ulp_at(format, exact * scale);
    error.max_absolute = std::max(error.max_absolute, absolute);
    error.mean_absolute += absolute;
    error.max_ulp = std::max(error.max_ulp, ulps);
    error.mean_ulp += ulps;
    if (exact != 0) {
      const double relative = absolute / std::fabs(exact);
      error.max_relative = std::max(error.max_relative, relative);
      error.mean_relative += relative;
      ++nonzero;
    }
    const auto bin = std::ranges::lower_bound(error.histogram, ulps, {}, &UlpBin::ulp_to);
    ++bin->count;
  }
  const auto finite = static_cast<double>(error.elements - error.not_finite);
  if (finite > 0) {
    error.mean_absolute /= finite;
    error.mean_ulp /= finite;
  }
  if (nonzero > 0) error.mean_relative /= static_cast<double>(nonzero);
  return error;
}

void reference_row(std::span<const double> a, std::span<const double> b, std::span<double> d) {
  std::ranges::fill(d, 0.0);
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double* row = b.data() + k * d.size();
    for (std::size_t c = 0; c < d.size(); ++c) d[c] += a[k] * row[c];
  }
}

}  // namespace gradpath
