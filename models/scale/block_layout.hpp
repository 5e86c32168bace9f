#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradpath {

/// How the elements of a row-major tensor fall into blocks along one axis. The tensor is seen as
/// outer x length x inner, the axis in the middle; every run of `block` positions of the axis, for
/// each of the inner ones, is a block, the last of a row shorter if the axis is no multiple.
///
/// A *group* is all that lies between two block boundaries of the axis: contiguous in memory, it
/// holds `inner` blocks side by side. Groups and blocks are numbered in memory order: block
/// g * inner + i is column i of group g. That is also the order of a scale tensor's elements.
struct BlockLayout {
  std::uint64_t outer = 1;
  std::uint64_t length = 0;
  std::uint64_t inner = 1;
  std::uint64_t block = 32;  ///< >= 1; may exceed length

  [[nodiscard]] constexpr std::uint64_t numel() const { return outer * length * inner; }
  [[nodiscard]] constexpr std::uint64_t groups_per_row() const {
    return length / block + (length % block != 0 ? 1 : 0);
  }
  [[nodiscard]] constexpr std::uint64_t groups() const { return outer * groups_per_row(); }
  [[nodiscard]] constexpr std::uint64_t blocks() const { return groups() * inner; }
  /// First element of group g; g = groups() gives numel().
  [[nodiscard]] constexpr std::uint64_t group_begin(std::uint64_t g) const {
    if (length == 0) return 0;
    const std::uint64_t row = groups_per_row();
    return (g / row * length + g % row * block) * inner;
  }
  /// The group that holds an element; groups() for numel().
  [[nodiscard]] constexpr std::uint64_t group_of(std::uint64_t element) const {
    if (numel() == 0) return 0;
    const std::uint64_t position = element / inner;
    return position / length * groups_per_row() + position % length / block;
  }
};

/// The layout of a tensor of `shape` (dimensions >= 0; a scalar is one element on an axis 0).
/// axis: counted from 0, negative from the end. UserError if there is no such axis.
[[nodiscard]] BlockLayout block_layout(std::span<const std::int64_t> shape, int axis,
                                       std::uint64_t block);
/// The shape of the scales: `shape` with the axis replaced by the number of blocks along it.
[[nodiscard]] std::vector<std::int64_t> block_scale_shape(std::span<const std::int64_t> shape,
                                                          int axis, std::uint64_t block);

}  // namespace gradpath
