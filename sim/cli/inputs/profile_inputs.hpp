#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/profile/block_profile.hpp"
#include "models/profile/profile.hpp"
#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "sim/cli/framework/session.hpp"
#include "sim/cli/inputs/trace_selection.hpp"

namespace gradpath::cli {

/// A tensor's profile and where it comes from.
struct ProfiledTensor {
  std::string trace;  ///< path of the trace or profile, as given
  std::string tensor;
  Profile profile;
  std::map<BlockKey, BlockProfile> blocks;  ///< those asked for, or those in the profile
  std::optional<SelectedTensor> source;     ///< none if it comes from a profile
};

/// Traces and profile files, mixed, and the tensors in them that --tensors selects.
class ProfileInputs {
 public:
  /// TRACE arguments, which may be profiles, and those of TensorChoice.
  static void add_options(OptionSet& options);
  void setup(const Arguments& arguments);
  /// Maps and checks all files. Once, in run().
  void open();
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

  /// The selected tensors, with the profiles of those that come from one. In the order of the
  /// files, then of the tensors in them. UserError if a file has no such tensor.
  [[nodiscard]] std::vector<ProfiledTensor> tensors() const;
  /// The same with all profiles: reads every tensor of a trace once, on session.threads threads.
  /// blocks: which blocks of the traces' tensors to profile too.
  [[nodiscard]] std::vector<ProfiledTensor> profiles(const Session& session,
                                                     std::span<const BlockKey> blocks = {}) const;

 private:
  std::vector<std::string> paths_;
  TensorChoice choice_;
  std::vector<std::optional<Trace>> traces_;  ///< a path's; none where it is a profile
};

}  // namespace gradpath::cli
