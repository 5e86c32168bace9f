#include "sim/explore/selected_tensor.hpp"

#include <fmt/format.h>

#include "traces/text.hpp"

namespace gradpath {

void fail_in(const SelectedTensor& selected, std::string_view what) {
  throw UserError(
      fmt::format("{}: tensor {}: {}", selected.trace->path(), quote(selected.tensor->name), what));
}

}  // namespace gradpath
