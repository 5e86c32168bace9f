#pragma once

#include <string>
#include <utility>

#include "models/error.hpp"

namespace gradpath {

/// Runs `work` and puts texts around the message of a UserError that it throws: a library knows
/// neither files nor options.
template <class Work>
auto amended(Work&& work, const std::string& after, const std::string& before = {}) {
  try {
    return std::forward<Work>(work)();
  } catch (const UserError& error) {
    throw UserError(before + error.what() + after);
  }
}

}  // namespace gradpath
