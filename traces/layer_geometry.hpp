#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gradpath {

/// What a layer computes, with PyTorch's defaults. Height before width.
struct LayerGeometry {
  enum class Op : std::uint8_t { conv2d, linear, conv_transpose2d };
  Op op = Op::linear;
  std::array<std::int64_t, 2> stride{1, 1};    ///< >= 1
  std::array<std::int64_t, 2> padding{0, 0};   ///< >= 0, the same on both sides
  std::array<std::int64_t, 2> dilation{1, 1};  ///< >= 1
  std::int64_t groups = 1;                     ///< >= 1, divides both channel counts

  friend bool operator==(const LayerGeometry&, const LayerGeometry&) = default;
};

/// A layer's name with its geometry.
struct NamedGeometry {
  std::string layer;
  LayerGeometry geometry;
};

/// Reads the metadata value `layers`: JSON, layer to {"op": "conv2d", "linear" or
/// "conv_transpose2d", "stride": N or [N, N], "padding", "dilation", "groups"}. Missing keys have
/// PyTorch's defaults, other keys are ignored. In the order written. UserError, naming `path`,
/// layer and field.
[[nodiscard]] std::vector<NamedGeometry> parse_layers(std::string_view path, std::string_view json);

/// The JSON that parse_layers reads back, for those who write traces.
[[nodiscard]] std::string layers_json(const std::vector<NamedGeometry>& layers);

}  // namespace gradpath
