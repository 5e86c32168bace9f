#pragma once

#include "sim/datapath/replay/layer_replay.hpp"

namespace gradpath {

/// How far a product is from D*, the product in fp64 of the tensors as captured: neither pruned nor
/// cast. Sums of squares, so that those of several products add up.
struct ProductError {
  double error_squares = 0;   ///< of D - D*
  double exact_squares = 0;   ///< of D*
  double result_squares = 0;  ///< of D
  double cross = 0;           ///< the sum of D D*

  ProductError& operator+=(const ProductError& other);
  /// |D - D*| / |D*|, by the root of the sum of squares; NaN where D* is zero.
  [[nodiscard]] double relative() const;
  /// Of the angle between D and D*.
  [[nodiscard]] double cosine() const;
};

/// result: dX in the input's layout, or dW in the weight's.
[[nodiscard]] ProductError product_error(const LayerTensors& layer, GemmKind kind,
                                         std::span<const float> result);

}  // namespace gradpath
