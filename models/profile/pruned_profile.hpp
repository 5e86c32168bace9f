#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "models/profile/cast_measures.hpp"
#include "models/profile/profile.hpp"
#include "models/profile/profile_table.hpp"

namespace gradpath {

/// A number that is somewhere in [low, high].
struct Interval {
  double low = 0;
  double high = 0;
};

/// A profile whose tensor is pruned stochastically to an expected sparsity (arXiv 2006.08173)
/// before the cast: expectations over the pruner's words.
///
/// The threshold alpha solves S(alpha) = target. With bf16 data, or where alpha falls between
/// occupied buckets, it is known to fp32's rounding. Otherwise it is inside one bucket, and it is
/// not known which of the bucket's elements are below: every answer is then an interval that holds
/// the truth whichever they are.
class PrunedProfile {
 public:
  /// target: in [0, 1).
  PrunedProfile(const Profile& profile, double target);

  /// Holds alpha; {0, 0} where nothing is to be done.
  [[nodiscard]] Interval alpha() const { return alpha_; }

  struct Answer {
    CastMeasures measures;  ///< middles of the intervals
    CastMeasures bound;     ///< half their widths: how far the truth may be, each; numel has none
    std::string_view refusal = {};
  };
  /// Expectations of what casting the pruned tensor gives, compared with the tensor ahead of
  /// pruning; options and scale_exponent as ProfileTable::measure.
  [[nodiscard]] Answer measure(const Format& format, const CastOptions& options,
                               int scale_exponent) const;

 private:
  /// Sums over all elements of one sign below a bucket's lower edge.
  struct Below {
    double edge = 0;  ///< the bucket's
    double top = 0;   ///< its upper edge
    double count = 0;
    double sum = 0;  ///< of |x|
    double squares = 0;
  };
  struct Sums;
  struct Outcomes;
  class Evaluation;

  void find_alpha(const Profile& profile, double wanted);

  std::string_view refusal_;
  Interval alpha_;
  ProfileTable kept_;                        ///< all that is above for sure
  std::array<std::vector<Below>, 2> below_;  ///< by sign; the last one has all that is below
  std::array<double, 2> undecided_ = {};     ///< elements of alpha's bucket, by sign
  std::array<double, 2> undecided_squares_ = {};
  Interval bucket_;  ///< where those are
};

}  // namespace gradpath
