#include "models/schemes/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gradpath {
namespace {

constexpr std::size_t kLanes = 8;
constexpr float kLargest = std::numeric_limits<float>::max();

// Sum of term(x) over the finite elements: 8 running sums, which the compiler keeps in vectors.
template <bool all_finite, class Term>
double lane_sum(std::span<const float> values, Term term) {
  std::array<double, kLanes> sums{};
  const auto add = [&](std::size_t lane, float x) {
    sums[lane] += all_finite || std::abs(x) <= kLargest ? term(double{x}) : 0.0;
  };
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, values[i + lane]);
  }
  for (; i < values.size(); ++i) add(i % kLanes, values[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template <class Term>
double finite_sum(std::span<const float> values, bool all_finite, Term term) {
  return all_finite ? lane_sum<true>(values, term) : lane_sum<false>(values, term);
}

double per_element(double sum, std::uint64_t count) {
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

}  // namespace

double SchemeStatistics::standard_deviation() const {
  return std::sqrt(per_element(squares, count));
}
double SchemeStatistics::mean_magnitude() const { return per_element(magnitudes, count); }
double SchemeStatistics::mean_deviation() const { return per_element(deviations, count); }

SchemeStatistics slice_statistics(std::span<const float> slice) {
  SchemeStatistics result;
  float least = kLargest;
  float greatest = -kLargest;
  for (const float x : slice) {
    const bool finite = std::abs(x) <= kLargest;
    result.count += finite ? 1u : 0u;
    least = finite && x < least ? x : least;
    greatest = finite && x > greatest ? x : greatest;
  }
  if (result.count == 0) return result;
  result.least = double{least};
  result.greatest = double{greatest};
  const bool all_finite = result.count == slice.size();
  result.mean =
      per_element(finite_sum(slice, all_finite, [](double x) { return x; }), result.count);
  result.magnitudes = finite_sum(slice, all_finite, [](double x) { return std::abs(x); });
  result.squares = finite_sum(slice, all_finite, [mean = result.mean](double x) {
    const double distance = x - mean;
    return distance * distance;
  });
  return result;
}

void merge_statistics(SchemeStatistics& all, const SchemeStatistics& next) {
  if (next.count == 0) return;
  if (all.count == 0) {
    all = next;
    return;
  }
  const auto before = static_cast<double>(all.count);
  const auto added = static_cast<double>(next.count);
  const double distance = next.mean - all.mean;
  all.count += next.count;
  all.least = std::min(all.least, next.least);
  all.greatest = std::max(all.greatest, next.greatest);
  all.mean += distance * (added / (before + added));
  all.squares += next.squares + distance * distance * (before * (added / (before + added)));
  all.magnitudes += next.magnitudes;
}

double slice_deviations(std::span<const float> slice, double mean) {
  const bool all_finite = std::ranges::all_of(slice, [](float x) { return std::isfinite(x); });
  return finite_sum(slice, all_finite, [mean](double x) { return std::abs(x - mean); });
}

SchemeStatistics tensor_statistics(const TensorSource& source) {
  SchemeStatistics all;
  source.visit(
      [&](std::uint64_t, std::span<const float> slice) {
        merge_statistics(all, slice_statistics(slice));
      },
      kStatisticsSlice);
  source.visit(
      [&](std::uint64_t, std::span<const float> slice) {
        all.deviations += slice_deviations(slice, all.mean);
      },
      kStatisticsSlice);
  return all;
}

SchemeStatistics tensor_statistics(std::span<const float> values) {
  return tensor_statistics(TensorSource(values));
}

}  // namespace gradpath
