#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/profile/cast_measures.hpp"
#include "models/profile/profile.hpp"
#include "models/profile/profile_table.hpp"
#include "models/quantize/scale.hpp"
#include "models/round/random.hpp"

namespace gradpath {

/// One point of the design space.
struct SweepPoint {
  std::string format_name;
  Format format;
  Rounding rounding;
  Overflow overflow = Overflow::standard;
  ScalePolicy scale;
  double sparsity = 0;  ///< target of stochastic pruning before the cast; 0: none

  /// All of the above as text: a point's name in a store.
  [[nodiscard]] std::string name() const;
};

/// Every combination; sparsity varies slowest, then format, rounding, overflow, scale.
[[nodiscard]] std::vector<SweepPoint> sweep_points(const std::vector<std::string>& formats,
                                                   const std::vector<Rounding>& roundings,
                                                   const std::vector<Overflow>& overflows,
                                                   const std::vector<ScalePolicy>& scales,
                                                   const std::vector<double>& sparsities);

/// How a point was answered.
enum class SweepMethod : std::uint8_t {
  profile,  ///< from the profile alone
  kernel,   ///< every element was pruned and cast
};
[[nodiscard]] std::string_view method_name(SweepMethod method);

/// What a point gives on a tensor.
struct SweepResult {
  float scale = 1.0f;
  CastMeasures measures;
  SweepMethod method = SweepMethod::profile;
};

/// A tensor that answers points: from its profile where that is exact, else with the kernels.
class TensorSweep {
 public:
  /// values: the tensor itself, if at hand; seed: the user's; name: the tensor's, which keys its
  /// random words as in `cast` and `prune`.
  TensorSweep(const Profile& profile, std::optional<std::span<const float>> values, Seed seed,
              std::string name);

  /// The profile's answer; nothing if it has none that is exact.
  [[nodiscard]] std::optional<SweepResult> by_profile(const SweepPoint& point) const;
  /// Prunes and casts every element. UserError, saying why the profile does not do, if the tensor
  /// is not at hand.
  [[nodiscard]] SweepResult by_kernel(const SweepPoint& point);

  /// What a kernel's result depends on besides the point: element order, name and seed; empty if
  /// the tensor is not at hand.
  [[nodiscard]] const std::string& kernel_identity();

 private:
  [[nodiscard]] float scale_of(const SweepPoint& point) const;
  /// Why the profile has no answer; empty if it has one, which `result` is then.
  [[nodiscard]] std::string_view ask_profile(const SweepPoint& point, SweepResult& result) const;
  [[nodiscard]] std::span<const float> pruned(double sparsity);

  ProfileTable table_;
  double amax_;
  std::optional<std::span<const float>> values_;
  Seed seed_;
  std::string name_;
  std::string kernel_identity_;
  double pruned_sparsity_ = 0;
  std::vector<float> pruned_;
};

}  // namespace gradpath
