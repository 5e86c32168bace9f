#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "models/quantize/quantizer.hpp"
#include "models/scale/block_layout.hpp"
#include "models/scale/scale_rule.hpp"

namespace gradpath {

namespace block_kernels {
struct MxElement;
}

/// Elements that share a scale by blocks.
struct BlockScaling {
  enum class Kind : std::uint8_t {
    mx,     ///< one level: a power of two a block, E8M0 (OCP MX v1.0)
    nvfp4,  ///< two levels: E4M3 a block, fp32 for the tensor
  };
  Kind kind = Kind::mx;
  std::uint64_t block = 32;           ///< elements a block, >= 1
  ScaleRule rule = ScaleRule::floor;  ///< of mx

  friend bool operator==(const BlockScaling&, const BlockScaling&) = default;
};

/// Groups first .. first + count - 1 of a BlockLayout.
struct GroupRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Casts one tensor by blocks (docs/numerics.md, "Block scaling"). A block's stored scale is a
/// byte, E8M0 or E4M3; the multiplier of its elements follows from it. Finite elements above the
/// largest finite saturate, whatever the overflow rule; infinities and NaNs follow the options.
///
/// Every function works on a range of groups, so a tensor can be cast in pieces, by threads:
/// `in` and `out` begin at layout.group_begin(groups.first) and hold all elements of the range,
/// `scales` one byte for each of its groups.count * layout.inner blocks. The results do not depend
/// on how a tensor is cut. std::invalid_argument if sizes differ.
class BlockQuantizer {
 public:
  /// quantizer: the element format; must outlive this. amax: largest finite |x| of the whole
  /// tensor, read by nvfp4 alone. UserError if nvfp4 is asked of a format whose range with E4M3's
  /// exceeds fp32.
  BlockQuantizer(const Quantizer& quantizer, const BlockScaling& scaling, const BlockLayout& layout,
                 float amax = 0.0f);

  [[nodiscard]] const BlockLayout& layout() const { return layout_; }
  /// nvfp4's tensor scale: value = element * block scale * tensor scale. 1 for mx.
  [[nodiscard]] float tensor_scale() const { return tensor_scale_; }
  /// What the elements of a block are multiplied by before the cast.
  [[nodiscard]] float multiplier(std::uint8_t scale) const { return multipliers_[scale]; }

  /// The stored scale of each block.
  void find_scales(std::span<const float> in, GroupRange groups,
                   std::span<std::uint8_t> scales) const;

  /// What enters the cast, before saturation: in * multiplier.
  void scale_elements(std::span<const float> in, GroupRange groups,
                      std::span<const std::uint8_t> scales, std::span<float> out) const;

  /// Element codes under given scales. CodeT and random as in Quantizer::to_codes; the word of an
  /// element is that of its index in the tensor.
  template <class CodeT>
  void to_codes(std::span<const float> in, GroupRange groups, std::span<const std::uint8_t> scales,
                std::span<CodeT> out, CounterRandom random = CounterRandom(Seed{})) const;
  /// Values: cast, and divided by the multiplier again.
  void to_values(std::span<const float> in, GroupRange groups, std::span<const std::uint8_t> scales,
                 std::span<float> out, CounterRandom random = CounterRandom(Seed{})) const;

  /// find_scales and to_codes (to_values) in one pass over memory.
  template <class CodeT>
  void quantize_to_codes(std::span<const float> in, GroupRange groups,
                         std::span<std::uint8_t> scales, std::span<CodeT> out,
                         CounterRandom random = CounterRandom(Seed{})) const;
  void quantize_to_values(std::span<const float> in, GroupRange groups,
                          std::span<std::uint8_t> scales, std::span<float> out,
                          CounterRandom random = CounterRandom(Seed{})) const;

 private:
  struct Piece;
  [[nodiscard]] GroupRange next_batch(GroupRange groups, std::uint64_t at) const;
  bool find_batch(const float* in, GroupRange groups, std::uint8_t* scales) const;
  void codes_of_amax(std::span<const std::uint32_t> amax, std::uint8_t* scales) const;
  [[nodiscard]] std::uint8_t least_error_code(std::span<const float> block,
                                              std::uint8_t fit_code) const;
  void find_least_errors(const float* in, GroupRange groups, std::uint8_t* scales) const;
  template <class F>
  void for_batches(GroupRange groups, F f) const;
  template <class F>
  void for_pieces(GroupRange groups, F f) const;
  template <class Blocks, class Columns>
  void with_factors(const Piece& piece, const std::uint8_t* scales,
                    const std::array<float, 256>& table, Blocks blocks, Columns columns) const;
  void scale(const float* in, const Piece& piece, const std::uint8_t* scales, std::uint32_t limit,
             bool all_finite, float* out) const;
  void unscale(float* values, const Piece& piece, const std::uint8_t* scales) const;
  template <class Out>
  [[nodiscard]] bool quantize_directly(const float* in, GroupRange groups, std::uint8_t* scales,
                                       Out* out) const;
  template <bool kFinds, class Scale, class Out>
  void cast_batch(const float* in, GroupRange groups, Scale* scales, Out* out, CounterRandom random,
                  bool stream) const;
  template <bool kFinds, class Scale, class Out>
  void run(std::span<const float> in, GroupRange groups, std::span<Scale> scales,
           std::span<Out> out, CounterRandom random) const;
  void check(GroupRange groups, std::size_t in, std::size_t scales, std::size_t out) const;

  const Quantizer* quantizer_;
  BlockScaling scaling_;
  BlockLayout layout_;
  SharedExponent shared_exponent_;
  std::optional<Quantizer> nearest_;  ///< mse: to nearest, saturating
  std::shared_ptr<const block_kernels::MxElement>
      element_;  ///< where the cast needs no scaled copy
  float tensor_scale_ = 1.0f;
  float max_finite_;
  std::uint32_t limit_;                 ///< fp32 bits of the largest finite
  std::array<float, 256> multipliers_;  ///< by stored scale
  std::array<float, 256> undo_;         ///< mx: X, times which undoes; nvfp4: the multiplier
};

}  // namespace gradpath
