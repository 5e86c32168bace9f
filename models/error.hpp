#pragma once

#include <stdexcept>
#include <string>

namespace gradpath {

/// Something a user can cause and can mend: a bad option, file, tensor or value. The message is one
/// line that names the thing, what was found, what was expected and the remedy. `main` turns it
/// into exit code 2; nothing else catches it.
class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace gradpath
