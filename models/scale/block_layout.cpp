#include "models/scale/block_layout.hpp"

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

std::size_t resolve_axis(std::span<const std::int64_t> shape, int axis) {
  const int rank = shape.empty() ? 1 : static_cast<int>(shape.size());
  if (axis < -rank || axis >= rank) {
    throw UserError(
        fmt::format("there is no axis {}: the tensor has {} dimension{}; give `axis` from {} to {}",
                    axis, rank, rank == 1 ? "" : "s", -rank, rank - 1));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

}  // namespace

BlockLayout block_layout(std::span<const std::int64_t> shape, int axis, std::uint64_t block) {
  const std::size_t at = resolve_axis(shape, axis);
  BlockLayout layout{.length = 1, .block = block};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto size = static_cast<std::uint64_t>(shape[i]);
    if (i < at) layout.outer *= size;
    if (i == at) layout.length = size;
    if (i > at) layout.inner *= size;
  }
  return layout;
}

std::vector<std::int64_t> block_scale_shape(std::span<const std::int64_t> shape, int axis,
                                            std::uint64_t block) {
  std::vector<std::int64_t> result(shape.begin(), shape.end());
  if (result.empty()) result = {1};
  const std::size_t at = resolve_axis(shape, axis);
  result[at] = static_cast<std::int64_t>(block_layout(shape, axis, block).groups_per_row());
  return result;
}

}  // namespace gradpath
