#include "models/scale/block_quantizer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/format/fp32.hpp"
#include "models/scale/block_kernels.hpp"

namespace gradpath {
namespace {

// What passes through the first-level cache at a time, in elements.
constexpr std::uint64_t kBatch = 2048;
// Outputs beyond this many bytes are written past the caches.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;

constexpr float kE4m3Max = 448.0f;
// So that tensor scale * block scale and its reciprocal are normal: E4M3 spans 2^-9 .. 448.
constexpr float kMinTensorScale = 0x1p-117f;
constexpr float kMaxTensorScale = 0x1p117f;

const Quantizer& e4m3() {
  static const Quantizer quantizer(parse_format("e4m3fn"), {.overflow = Overflow::saturate});
  return quantizer;
}

float tensor_scale_of(float largest_finite, float amax) {
  const float range = kE4m3Max * largest_finite;
  if (!std::isfinite(range)) {
    throw UserError(fmt::format(
        "nvfp4 needs an element format whose largest finite times 448 is in fp32's range; {} is "
        "too large; use --scale mx",
        largest_finite));
  }
  if (!(amax > 0.0f)) return 1.0f;
  return std::clamp(amax / range, kMinTensorScale, kMaxTensorScale);
}

// The element format of block_kernels::quantize_mx_blocks, if it covers format and options.
std::shared_ptr<const block_kernels::MxElement> mx_element(const Format& format,
                                                           const CastOptions& options,
                                                           const SharedExponent& shared_exponent) {
  constexpr int kMaxField = 254;
  const int min_field = format.min_exponent() + fp32::kBias;
  const int max_field = std::ilogb(max_finite(format)) + fp32::kBias;
  // Of the scales: the smallest normal has a field >= 1, 2^23 quanta of the largest one <= 254.
  const int first = std::max(fp32::kBias + 1 - min_field, 0);
  const int last = std::min(
      fp32::kBias + kMaxField - (fp32::kFractionBits - format.mantissa_bits) - 1 - max_field, 254);
  if (options.rounding.mode != Rounding::Mode::rne || options.flush != Flush::none ||
      !format.is_signed || !format.has_subnormals || !format.has_negative_zero() ||
      format.bits() > 8 || format.mantissa_bits < 1 || first > last || min_field < 24) {
    return nullptr;
  }
  return std::make_shared<const block_kernels::MxElement>(block_kernels::MxElement{
      .mantissa_bits = format.mantissa_bits,
      .magnitude_bits = format.magnitude_bits(),
      .emax = shared_exponent.emax(),
      .min_field = min_field,
      .limit = std::bit_cast<std::uint32_t>(static_cast<float>(max_finite(format))),
      .carry = shared_exponent.carry(),
      .first_scale = static_cast<std::uint8_t>(first),
      .last_scale = static_cast<std::uint8_t>(last)});
}

}  // namespace

// What goes through the buffer at a time: whole groups, or a part of one group larger than the
// buffer: part of its one block, or of a row across its blocks.
struct BlockQuantizer::Piece {
  std::uint64_t offset;  ///< of its first element in the range of groups
  std::size_t size;      ///< elements, at most kBatch
  std::size_t scale;     ///< of its first block in the range
  GroupRange groups;
  bool is_whole;
};

BlockQuantizer::BlockQuantizer(const Quantizer& quantizer, const BlockScaling& scaling,
                               const BlockLayout& layout, float amax)
    : quantizer_(&quantizer),
      scaling_(scaling),
      layout_(layout),
      shared_exponent_(quantizer.format(), scaling.rule),
      max_finite_(static_cast<float>(max_finite(quantizer.format()))),
      limit_(std::bit_cast<std::uint32_t>(max_finite_)) {
  if (layout.block != scaling.block || scaling.block == 0) {
    throw std::invalid_argument("BlockQuantizer: the layout has another block size");
  }
  const bool two_levels = scaling.kind == BlockScaling::Kind::nvfp4;
  if (two_levels) tensor_scale_ = tensor_scale_of(max_finite_, amax);
  if (!two_levels && scaling.rule == ScaleRule::mse) {
    CastOptions options = quantizer.options();
    options.rounding = {};
    options.overflow = Overflow::saturate;
    nearest_.emplace(quantizer.format(), options);
  }
  if (!two_levels && layout.inner == 1 && !nearest_) {
    element_ = mx_element(quantizer.format(), quantizer.options(), shared_exponent_);
  }
  for (std::size_t c = 0; c < multipliers_.size(); ++c) {
    if (two_levels) {
      multipliers_[c] = 1.0f / (tensor_scale_ * e4m3().value(static_cast<Code>(c)));
      undo_[c] = multipliers_[c];
    } else {
      const int exponent = static_cast<int>(c) - SharedExponent::kBias;
      multipliers_[c] = std::ldexp(1.0f, -exponent);
      undo_[c] = std::ldexp(1.0f, exponent);
    }
  }
}

void BlockQuantizer::check(GroupRange groups, std::size_t in, std::size_t scales,
                           std::size_t out) const {
  if (groups.count > layout_.groups() || groups.first > layout_.groups() - groups.count) {
    throw std::invalid_argument("block cast: groups beyond the tensor");
  }
  const std::uint64_t size =
      layout_.group_begin(groups.first + groups.count) - layout_.group_begin(groups.first);
  if (in != size || out != size || scales != groups.count * layout_.inner) {
    throw std::invalid_argument("block cast: sizes of groups, in, scales and out differ");
  }
}

// The next groups of a range that fill a batch; one group at least.
GroupRange BlockQuantizer::next_batch(GroupRange groups, std::uint64_t at) const {
  const std::uint64_t length = std::min(layout_.block, std::max<std::uint64_t>(layout_.length, 1));
  const std::uint64_t size = std::max<std::uint64_t>(length * layout_.inner, 1);
  const std::uint64_t count = std::max<std::uint64_t>(kBatch / size, 1);
  return {at, std::min(count, groups.first + groups.count - at)};
}

// The runs of a batch of groups: contiguous blocks of equal length, or one group side by side.
// Calls f(offset of the first element, offset of the first block, blocks, length).
template <class F>
void for_runs(const BlockLayout& layout, GroupRange groups, F f) {
  const std::uint64_t begin = layout.group_begin(groups.first);
  for (std::uint64_t g = groups.first; g < groups.first + groups.count;) {
    const std::uint64_t first = layout.group_begin(g);
    const std::uint64_t length = (layout.group_begin(g + 1) - first) / layout.inner;
    std::uint64_t count = 1;
    if (layout.inner == 1 && length == layout.block) {
      const std::uint64_t left = groups.first + groups.count - g;
      const std::uint64_t whole = layout.length / layout.block;
      const bool all_whole = layout.length % layout.block == 0;
      count = all_whole ? left : std::min(left, whole - g % layout.groups_per_row());
    }
    f(first - begin, (g - groups.first) * layout.inner, layout.inner == 1 ? count : layout.inner,
      length);
    g += count;
  }
}

// Returns whether all elements are known to be finite.
bool BlockQuantizer::find_batch(const float* in, GroupRange groups, std::uint8_t* scales) const {
  bool all_finite = layout_.inner == 1;
  const std::size_t blocks = groups.count * layout_.inner;
  std::array<std::uint32_t, kBatch> few;
  std::vector<std::uint32_t> many(blocks > few.size() ? blocks : 0);
  const std::span<std::uint32_t> amax =
      many.empty() ? std::span(few).first(blocks) : std::span(many);
  if (layout_.inner > 1) std::ranges::fill(amax, 0u);
  for_runs(layout_, groups, [&](auto element, auto block, auto count, auto length) {
    if (layout_.inner == 1) {
      all_finite =
          block_kernels::block_amax(in + element, count, length, amax.data() + block) && all_finite;
      return;
    }
    for (std::uint64_t row = 0; row < length; ++row) {
      block_kernels::column_amax(in + element + row * count, count, amax.data() + block);
    }
  });
  codes_of_amax(amax, scales);
  if (nearest_) find_least_errors(in, groups, scales);
  return all_finite;
}

void BlockQuantizer::codes_of_amax(std::span<const std::uint32_t> amax,
                                   std::uint8_t* scales) const {
  if (scaling_.kind == BlockScaling::Kind::mx) {
    for (std::size_t b = 0; b < amax.size(); ++b) scales[b] = shared_exponent_.code(amax[b]);
    return;
  }
  std::array<float, kBatch> wanted;
  for (std::size_t begin = 0; begin < amax.size(); begin += kBatch) {
    const std::size_t count = std::min<std::size_t>(kBatch, amax.size() - begin);
    for (std::size_t b = 0; b < count; ++b) {
      wanted[b] = std::bit_cast<float>(amax[begin + b]) / max_finite_ / tensor_scale_;
    }
    const std::span<std::uint8_t> codes(scales + begin, count);
    e4m3().to_codes(std::span<const float>(wanted).first(count), codes);
    // Never zero: the elements are divided by it.
    for (std::uint8_t& code : codes) code = std::max<std::uint8_t>(code, 1);
  }
}

void BlockQuantizer::find_least_errors(const float* in, GroupRange groups,
                                       std::uint8_t* scales) const {
  std::vector<float> finite;
  for_runs(layout_, groups, [&](auto element, auto block, auto count, auto length) {
    const bool in_a_row = layout_.inner == 1;
    for (std::uint64_t b = 0; b < count; ++b) {
      finite.clear();
      for (std::uint64_t k = 0; k < length; ++k) {
        const float x = in[element + (in_a_row ? b * length + k : k * count + b)];
        if (std::isfinite(x)) finite.push_back(x);
      }
      scales[block + b] = least_error_code(finite, scales[block + b]);
    }
  });
}

// From `fit` downward: a larger X has a coarser grid and nothing to gain. A smaller one cuts the
// largest elements; once that costs the largest alone as much as the best sum, nothing below wins.
std::uint8_t BlockQuantizer::least_error_code(std::span<const float> block,
                                              std::uint8_t fit_code) const {
  std::vector<float> cast(block.size());
  double largest = 0;
  for (const float x : block) largest = std::max(largest, std::abs(double{x}));
  std::uint8_t best = fit_code;
  double least = std::numeric_limits<double>::infinity();
  for (int code = fit_code; code >= 0 && largest > 0; --code) {
    const auto c = static_cast<std::size_t>(code);
    const double cut = largest - double{max_finite_} * double{undo_[c]};
    if (cut > 0 && cut * cut >= least) break;
    nearest_->to_values(block, cast, multipliers_[c]);
    double error = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const double difference = double{cast[i]} - double{block[i]};
      error += difference * difference;
    }
    if (error < least) {
      least = error;
      best = static_cast<std::uint8_t>(code);
    }
    if (error == 0) break;
  }
  return best;
}

template <class F>
void BlockQuantizer::for_pieces(GroupRange groups, F f) const {
  const std::uint64_t begin = layout_.group_begin(groups.first);
  const std::uint64_t size = layout_.group_begin(groups.first + groups.count) - begin;
  if (size <= kBatch) {
    f(Piece{.offset = 0, .size = size, .scale = 0, .groups = groups, .is_whole = true});
    return;
  }
  // One group: its rows, a panel of columns after the other.
  const bool one_block = layout_.inner == 1;
  const std::uint64_t columns = one_block ? size : layout_.inner;
  for (std::uint64_t column = 0; column < columns; column += kBatch) {
    for (std::uint64_t row = 0; row < size; row += columns) {
      f(Piece{.offset = row + column,
              .size = std::min(kBatch, columns - column),
              .scale = one_block ? 0 : column,
              .groups = groups,
              .is_whole = false});
    }
  }
}

// Calls blocks(offset, blocks, length, factors) or columns(offset, columns, factors) for what the
// elements of a piece share; factors: the table's entries of their scales.
template <class Blocks, class Columns>
void BlockQuantizer::with_factors(const Piece& piece, const std::uint8_t* scales,
                                  const std::array<float, 256>& table, Blocks blocks,
                                  Columns columns) const {
  std::array<float, kBatch> factors;
  const auto look_up = [&](std::size_t first, std::size_t count) {
    for (std::size_t b = 0; b < count; ++b) factors[b] = table[scales[first + b]];
  };
  if (!piece.is_whole) {
    const bool one_block = layout_.inner == 1;
    look_up(piece.scale, one_block ? 1 : piece.size);
    if (one_block) {
      blocks(0, 1, piece.size, factors.data());
    } else {
      columns(0, piece.size, factors.data());
    }
    return;
  }
  for_runs(layout_, piece.groups, [&](auto element, auto block, auto count, auto length) {
    look_up(block, count);
    if (layout_.inner == 1) {
      blocks(element, count, length, factors.data());
      return;
    }
    for (std::uint64_t row = 0; row < length; ++row) {
      columns(element + row * count, count, factors.data());
    }
  });
}

void BlockQuantizer::scale(const float* in, const Piece& piece, const std::uint8_t* scales,
                           std::uint32_t limit, bool all_finite, float* out) const {
  with_factors(
      piece, scales, multipliers_,
      [&](std::size_t at, std::size_t blocks, std::size_t length, const float* factors) {
        block_kernels::scale_blocks(in + at, blocks, length, factors, limit, all_finite, out + at);
      },
      [&](std::size_t at, std::size_t columns, const float* factors) {
        block_kernels::scale_columns(in + at, columns, factors, limit, out + at);
      });
}

void BlockQuantizer::unscale(float* values, const Piece& piece, const std::uint8_t* scales) const {
  const bool divides = scaling_.kind == BlockScaling::Kind::nvfp4;
  with_factors(
      piece, scales, undo_,
      [&](std::size_t at, std::size_t blocks, std::size_t length, const float* factors) {
        block_kernels::unscale_blocks(values + at, blocks, length, factors, divides);
      },
      [&](std::size_t at, std::size_t columns, const float* factors) {
        block_kernels::unscale_columns(values + at, columns, factors, divides);
      });
}

// MX blocks in a row: scales and elements at once, if the kernel covers all of the batch.
template <class Out>
bool BlockQuantizer::quantize_directly(const float* in, GroupRange groups, std::uint8_t* scales,
                                       Out* out) const {
  bool done = element_ != nullptr;
  if constexpr (std::is_same_v<Out, float> || std::is_same_v<Out, std::uint8_t>) {
    if (!done) return false;
    for_runs(layout_, groups, [&](auto element, auto block, auto count, auto length) {
      done = done && block_kernels::quantize_mx_blocks(in + element, count, length, *element_,
                                                       scales + block, out + element);
    });
    return done;
  }
  return false;
}

// One batch: scaled into a buffer, cast there or, if the cast's output may stay in the caches,
// straight into `out`. kFinds: the scales are found, else they are given.
template <bool kFinds, class Scale, class Out>
void BlockQuantizer::cast_batch(const float* in, GroupRange groups, Scale* scales, Out* out,
                                CounterRandom random, bool stream) const {
  const std::uint64_t begin = layout_.group_begin(groups.first);
  alignas(64) std::array<float, kBatch> scaled;
  alignas(64) std::array<Out, kBatch> staged;
  bool all_finite = false;  // not known
  if constexpr (kFinds) {
    const std::uint64_t size = layout_.group_begin(groups.first + groups.count) - begin;
    Out* target = stream ? staged.data() : out;
    if (size <= kBatch && quantize_directly(in, groups, scales, target)) {
      if (stream) block_kernels::stream_copy(target, size * sizeof(Out), out);
      return;
    }
    all_finite = find_batch(in, groups, scales);
  }
  for_pieces(groups, [&](const Piece& piece) {
    const auto elements = std::span<const float>(scaled).first(piece.size);
    Out* target = stream ? staged.data() : out + piece.offset;
    const std::span<Out> results(target, piece.size);
    scale(in + piece.offset, piece, scales, limit_, all_finite, scaled.data());
    if constexpr (std::is_same_v<Out, float>) {
      quantizer_->to_values(elements, results, 1.0f, random, begin + piece.offset);
      unscale(target, piece, scales);
    } else {
      quantizer_->to_codes(elements, results, 1.0f, random, begin + piece.offset);
    }
    if (stream) block_kernels::stream_copy(target, results.size_bytes(), out + piece.offset);
  });
}

// Batch by batch: f(batch, its first element and its first block in the range). A group without
// elements has nothing to be done.
template <class F>
void BlockQuantizer::for_batches(GroupRange groups, F f) const {
  if (layout_.inner == 0) return;
  const std::uint64_t begin = layout_.group_begin(groups.first);
  for (std::uint64_t g = groups.first; g < groups.first + groups.count;) {
    const GroupRange batch = next_batch(groups, g);
    f(batch, layout_.group_begin(g) - begin, (g - groups.first) * layout_.inner);
    g += batch.count;
  }
}

// kFinds: the scales are found, else they are given.
template <bool kFinds, class Scale, class Out>
void BlockQuantizer::run(std::span<const float> in, GroupRange groups, std::span<Scale> scales,
                         std::span<Out> out, CounterRandom random) const {
  check(groups, in.size(), scales.size(), out.size());
  const bool stream = out.size_bytes() >= kStreamBytes;
  for_batches(groups, [&](GroupRange batch, std::uint64_t at, std::uint64_t block) {
    cast_batch<kFinds>(in.data() + at, batch, scales.data() + block, out.data() + at, random,
                       stream);
  });
  if (stream) block_kernels::stream_fence();
}

void BlockQuantizer::find_scales(std::span<const float> in, GroupRange groups,
                                 std::span<std::uint8_t> scales) const {
  check(groups, in.size(), scales.size(), in.size());
  for_batches(groups, [&](GroupRange batch, std::uint64_t at, std::uint64_t block) {
    find_batch(in.data() + at, batch, scales.data() + block);
  });
}

void BlockQuantizer::scale_elements(std::span<const float> in, GroupRange groups,
                                    std::span<const std::uint8_t> scales,
                                    std::span<float> out) const {
  check(groups, in.size(), scales.size(), out.size());
  for_batches(groups, [&](GroupRange batch, std::uint64_t at, std::uint64_t block) {
    for_pieces(batch, [&](const Piece& piece) {
      const std::uint64_t offset = at + piece.offset;
      scale(in.data() + offset, piece, scales.data() + block, fp32::kMagnitude, false,
            out.data() + offset);
    });
  });
}

template <class CodeT>
void BlockQuantizer::to_codes(std::span<const float> in, GroupRange groups,
                              std::span<const std::uint8_t> scales, std::span<CodeT> out,
                              CounterRandom random) const {
  run<false>(in, groups, scales, out, random);
}

void BlockQuantizer::to_values(std::span<const float> in, GroupRange groups,
                               std::span<const std::uint8_t> scales, std::span<float> out,
                               CounterRandom random) const {
  run<false>(in, groups, scales, out, random);
}

template <class CodeT>
void BlockQuantizer::quantize_to_codes(std::span<const float> in, GroupRange groups,
                                       std::span<std::uint8_t> scales, std::span<CodeT> out,
                                       CounterRandom random) const {
  run<true>(in, groups, scales, out, random);
}

void BlockQuantizer::quantize_to_values(std::span<const float> in, GroupRange groups,
                                        std::span<std::uint8_t> scales, std::span<float> out,
                                        CounterRandom random) const {
  run<true>(in, groups, scales, out, random);
}

template void BlockQuantizer::to_codes(std::span<const float>, GroupRange,
                                       std::span<const std::uint8_t>, std::span<std::uint8_t>,
                                       CounterRandom) const;
template void BlockQuantizer::quantize_to_codes(std::span<const float>, GroupRange,
                                                std::span<std::uint8_t>, std::span<std::uint8_t>,
                                                CounterRandom) const;
template void BlockQuantizer::to_codes(std::span<const float>, GroupRange,
                                       std::span<const std::uint8_t>, std::span<std::uint16_t>,
                                       CounterRandom) const;
template void BlockQuantizer::quantize_to_codes(std::span<const float>, GroupRange,
                                                std::span<std::uint8_t>, std::span<std::uint16_t>,
                                                CounterRandom) const;
template void BlockQuantizer::to_codes(std::span<const float>, GroupRange,
                                       std::span<const std::uint8_t>, std::span<std::uint32_t>,
                                       CounterRandom) const;
template void BlockQuantizer::quantize_to_codes(std::span<const float>, GroupRange,
                                                std::span<std::uint8_t>, std::span<std::uint32_t>,
                                                CounterRandom) const;

}  // namespace gradpath
