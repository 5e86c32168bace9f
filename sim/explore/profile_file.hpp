#pragma once

#include <map>
#include <string>
#include <string_view>

#include "models/profile/block_profile.hpp"
#include "models/profile/profile.hpp"

namespace gradpath {

/// All that is kept of a tensor.
struct TensorProfile {
  Profile profile;
  std::map<BlockKey, BlockProfile> blocks;  ///< each of all elements

  friend bool operator==(const TensorProfile&, const TensorProfile&) = default;
};

/// Profiles by tensor name.
using ProfileSet = std::map<std::string, TensorProfile, std::less<>>;

/// Adds the elements of a profile to what there is under that name. UserError if one has blocks
/// that the other lacks, as the sum would then lack elements.
void merge_into(ProfileSet& set, const std::string& name, const TensorProfile& profile);

/// The bytes of a profile file (docs/profile.md, "The file"): a function of the set alone, so any
/// partition of the same tensors, merged in any order, gives the same file.
[[nodiscard]] std::string encode_profiles(const ProfileSet& set);

/// Reads what encode_profiles wrote. UserError, naming `path`, the byte and what is wrong, for
/// anything else.
[[nodiscard]] ProfileSet decode_profiles(std::string_view path, std::string_view bytes);

/// True if the file begins as a profile file does. UserError if it cannot be read.
[[nodiscard]] bool is_profile_file(const std::string& path);
[[nodiscard]] ProfileSet read_profiles(const std::string& path);

}  // namespace gradpath
