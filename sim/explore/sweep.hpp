#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/profile/block_profile.hpp"
#include "models/profile/cast_measures.hpp"
#include "models/profile/profile.hpp"
#include "models/profile/profile_table.hpp"
#include "models/profile/pruned_profile.hpp"
#include "models/round/random.hpp"
#include "models/scale/scaling.hpp"

namespace gradpath {

/// One point of the design space.
struct SweepPoint {
  std::string format_name;
  Format format;
  Rounding rounding;
  Overflow overflow = Overflow::standard;
  std::string scale_name;    ///< as the user wrote it
  Scaling scale;             ///< of ScalePolicy, MeanLogScaling and BlockScaling
  int axis = -1;             ///< of a BlockScaling's blocks
  double sparsity = 0;       ///< target of stochastic pruning before the cast; 0: none
  bool is_expected = false;  ///< pruning by its expectation, from the profile, not by words

  /// All of the above as text: a point's name in a store.
  [[nodiscard]] std::string name() const;
};

/// A value of `sweep --scale`: what depends on the one tensor, and blocks. UserError for others.
[[nodiscard]] Scaling parse_sweep_scale(std::string_view text);

/// Every combination; sparsity varies slowest, then format, rounding, overflow, scale.
[[nodiscard]] std::vector<SweepPoint> sweep_points(const std::vector<std::string>& formats,
                                                   const std::vector<Rounding>& roundings,
                                                   const std::vector<Overflow>& overflows,
                                                   const std::vector<std::string>& scales, int axis,
                                                   const std::vector<double>& sparsities);

/// How a point was answered.
enum class SweepMethod : std::uint8_t {
  profile,   ///< from the profile alone
  kernel,    ///< every element was pruned and cast
  expected,  ///< from the profile alone: expectations over the pruner's words, within a bound
  skipped,   ///< not at all
};
[[nodiscard]] std::string_view method_name(SweepMethod method);
/// The method of this name; UserError otherwise.
[[nodiscard]] SweepMethod parse_method(std::string_view name);

/// The blocks that the points' answers from profiles need.
[[nodiscard]] std::vector<BlockKey> needed_blocks(std::span<const SweepPoint> points);

/// What a point gives on a tensor.
struct SweepResult {
  float scale = 1.0f;  ///< NaN of blocks, which have one each
  CastMeasures measures;
  SweepMethod method = SweepMethod::profile;
  CastMeasures bound = {};   ///< of `expected`: how far each measure may be off
  std::string skipped = {};  ///< why there is no result: all measures are NaN then

  [[nodiscard]] static SweepResult without(std::string reason);
};

/// Every split of so many bits with a sign: e{E}m{M}f, E from 1 to 8 and M up to 23, by E.
[[nodiscard]] std::vector<std::string> split_names(int bits);

/// The bound of zero_fraction.
[[nodiscard]] double zero_fraction_bound(const SweepResult& result);

/// What a sweep knows of a tensor. All of it must outlive the sweep.
struct SweepTensor {
  std::string name;  ///< keys the random words as in `cast` and `prune`
  const Profile& profile;
  const std::map<BlockKey, BlockProfile>& blocks;
  /// The elements and their shape, if at hand.
  std::optional<std::span<const float>> values = {};
  std::span<const std::int64_t> shape = {};
};

/// A tensor that answers points: from its profile where that is exact, else with the kernels.
class TensorSweep {
 public:
  /// seed: the user's.
  TensorSweep(SweepTensor tensor, Seed seed);
  [[nodiscard]] const SweepTensor& tensor() const { return tensor_; }

  /// The profile's answer; nothing if it has none that is exact.
  [[nodiscard]] std::optional<SweepResult> by_profile(const SweepPoint& point);
  /// Prunes and casts every element. UserError, saying why the profile does not do, if the tensor
  /// is not at hand.
  [[nodiscard]] SweepResult by_kernel(const SweepPoint& point);

  /// What a profile's answer depends on besides the point and the profile: nothing, or how the
  /// elements fall into blocks.
  [[nodiscard]] std::string profile_identity(const SweepPoint& point) const;
  /// What a kernel's result depends on besides the point: element order, shape, name and seed;
  /// empty if the tensor is not at hand.
  [[nodiscard]] const std::string& kernel_identity();

 private:
  [[nodiscard]] float scale_of(const SweepPoint& point) const;
  /// Why the profile has no answer; empty if it has one, which `result` is then.
  [[nodiscard]] std::string_view ask_profile(const SweepPoint& point, SweepResult& result);
  [[nodiscard]] std::span<const float> pruned(double sparsity);

  SweepTensor tensor_;
  Seed seed_;
  ProfileTable table_;
  double amax_;
  std::map<BlockKey, BlockProfileTable> block_tables_;
  std::map<double, PrunedProfile> pruned_profiles_;  ///< by sparsity
  std::string kernel_identity_;
  double pruned_sparsity_ = 0;
  std::vector<float> pruned_;
};

}  // namespace gradpath
