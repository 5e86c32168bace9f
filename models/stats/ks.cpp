#include "models/stats/ks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gradpath {
namespace {

using Bucket = SortedMagnitudes::Bucket;

// Rounding of a CDF may break its order by a few 1e-16; a bucket is left out beyond that.
constexpr double kRounding = 1e-14;

// Elements less than a point, and up to it, as fractions of all.
struct Step {
  double below;
  double up_to;

  [[nodiscard]] double distance(double f) const { return std::max(up_to - f, f - below); }
};

// The steps at a run of magnitudes and at their negatives, `below` elements being smaller.
class Steps {
 public:
  explicit Steps(const SortedMagnitudes& sorted)
      : total_(static_cast<double>(sorted.counts().nonzeros())), negatives_(sorted.negatives()) {}

  [[nodiscard]] Step of_magnitudes(std::uint64_t below, std::uint64_t count) const {
    return step(below, count);
  }
  [[nodiscard]] Step of_positives(std::uint64_t below, std::uint64_t negative_below,
                                  std::uint64_t positives) const {
    return step(negatives_ + below - negative_below, positives);
  }
  [[nodiscard]] Step of_negatives(std::uint64_t negative_below, std::uint64_t negatives) const {
    return step(negatives_ - negative_below - negatives, negatives);
  }

 private:
  [[nodiscard]] Step step(std::uint64_t below, std::uint64_t count) const {
    return {static_cast<double>(below) / total_, static_cast<double>(below + count) / total_};
  }

  double total_;
  std::uint64_t negatives_;
};

}  // namespace

void ks_distances(const SortedMagnitudes& sorted, std::span<const KsLaw> laws) {
  const std::span<const Bucket> buckets = sorted.buckets();
  const Steps steps(sorted);
  std::vector<double> largest(laws.size(), 0.0);
  std::vector<std::vector<double>> most(laws.size());  // of each bucket
  for (std::size_t l = 0; l < laws.size(); ++l) {
    double seen = 0.0;  // between the buckets: the ECDF is flat there
    for (const Bucket& b : buckets) {
      const float low = std::max(b.lower_edge(), 0x1p-149f);
      double bound = 0.0;
      const auto look = [&](const Step& step, double f_low, double f_high, bool ascends) {
        // What is below the bucket's lower end, or above minus it.
        seen =
            std::max(seen, ascends ? std::abs(step.below - f_low) : std::abs(step.up_to - f_high));
        bound = std::max({bound, step.up_to - f_low, f_high - step.below});
      };
      const double f_low = laws[l].cdf(low);
      const double f_high = laws[l].cdf(b.upper_edge());
      if (!laws[l].cdf_of_negative) {
        look(steps.of_magnitudes(b.below, b.count()), f_low, f_high, true);
      } else {
        look(steps.of_positives(b.below, b.negative_below, b.positives), f_low, f_high, true);
        look(steps.of_negatives(b.negative_below, b.negatives),
             laws[l].cdf_of_negative(b.upper_edge()), laws[l].cdf_of_negative(low), false);
      }
      most[l].push_back(bound);
    }
    for (double& bound : most[l]) bound = bound + kRounding > seen ? bound : -1.0;
  }
  const auto place = [&](const Bucket& b) { return static_cast<std::size_t>(&b - buckets.data()); };
  sorted.visit_buckets(
      [&](const Bucket& b) {
        return std::ranges::any_of(most, [&](const auto& bounds) { return bounds[place(b)] >= 0; });
      },
      [&](const Bucket& b, const SortedMagnitudes::Runs& runs) {
        for (std::size_t l = 0; l < laws.size(); ++l) {
          if (most[l][place(b)] + kRounding <= largest[l]) continue;
          std::uint64_t below = b.below;
          std::uint64_t negative_below = b.negative_below;
          runs.for_each([&](const MagnitudeRun& run) {
            const double f = laws[l].cdf(run.magnitude);
            if (!laws[l].cdf_of_negative) {
              largest[l] =
                  std::max(largest[l], steps.of_magnitudes(below, run.count()).distance(f));
            } else {
              largest[l] = std::max(
                  {largest[l], steps.of_positives(below, negative_below, run.positives).distance(f),
                   steps.of_negatives(negative_below, run.negatives)
                       .distance(laws[l].cdf_of_negative(run.magnitude))});
            }
            below += run.count();
            negative_below += run.negatives;
          });
        }
      });
  for (std::size_t l = 0; l < laws.size(); ++l) *laws[l].distance = largest[l];
}

}  // namespace gradpath
