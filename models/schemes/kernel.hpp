#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/schemes/scheme.hpp"

namespace gradpath::schemes {

/// Elements a block of bulk work has: its buffers stay in the first-level cache.
inline constexpr std::size_t kBlock = 1024;

/// Whether a fraction goes up: floor(f 2^24) + (top 24 bits of the word) carries out. The rule of
/// every stochastic scheme (docs/numerics.md, "Stochastic rounding with R bits", R = 24).
[[nodiscard]] constexpr std::int32_t goes_up(std::int32_t fraction24, std::uint32_t word) {
  return (fraction24 + static_cast<std::int32_t>(word >> 8)) >> 24;
}

/// Copies in to out with each NaN replaced as the policy says: +0, or an infinity of its sign,
/// which every scheme takes to its extreme value. Returns the first NaN's place under
/// NanPolicy::error, else in.size().
inline std::size_t replace_nans(std::span<const float> in, NanPolicy policy, float* out) {
  bool found = false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[i] = in[i];
    found |= in[i] != in[i];
  }
  if (!found) return in.size();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!std::isnan(in[i])) continue;
    if (policy == NanPolicy::error) return i;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    out[i] = policy == NanPolicy::zero ? 0.0f : std::copysign(kInfinity, in[i]);
  }
  return in.size();
}

/// A scheme in bulk from what it does with one element. Kernel:
///   static constexpr bool kUsesWords
///   std::int32_t code(float x, std::uint32_t word) const   x is not NaN
///   float value(std::int32_t code) const
template <class Kernel>
class KernelScheme final : public PreparedScheme {
 public:
  KernelScheme(Kernel kernel, SchemeInfo info, NanPolicy nan)
      : PreparedScheme(std::move(info)), kernel_(std::move(kernel)), nan_(nan) {}

  void to_codes(std::span<const float> in, std::span<std::int32_t> out, CounterRandom random,
                std::uint64_t first_index) const override {
    for_blocks(in, out.size(), random, first_index,
               [&](const float* x, const std::uint32_t* words, std::size_t at, std::size_t n) {
                 std::int32_t* codes = out.data() + at;
                 for (std::size_t i = 0; i < n; ++i) codes[i] = kernel_.code(x[i], words[i]);
               });
  }

  void to_values(std::span<const float> in, std::span<float> out, CounterRandom random,
                 std::uint64_t first_index) const override {
    for_blocks(in, out.size(), random, first_index,
               [&](const float* x, const std::uint32_t* words, std::size_t at, std::size_t n) {
                 // Two loops: a look-up of the value would keep the first from vectors.
                 std::array<std::int32_t, kBlock> codes;
                 float* values = out.data() + at;
                 for (std::size_t i = 0; i < n; ++i) codes[i] = kernel_.code(x[i], words[i]);
                 for (std::size_t i = 0; i < n; ++i) values[i] = kernel_.value(codes[i]);
               });
  }

  void decode(std::span<const std::int32_t> codes, std::span<float> out) const override {
    if (codes.size() != out.size()) throw std::invalid_argument("decode: sizes differ");
    for (std::size_t i = 0; i < codes.size(); ++i) out[i] = kernel_.value(codes[i]);
  }

 private:
  template <class Work>
  void for_blocks(std::span<const float> in, std::size_t out_size, CounterRandom random,
                  std::uint64_t first_index, Work work) const {
    if (in.size() != out_size) throw std::invalid_argument("scheme: sizes differ");
    std::array<float, kBlock> block;
    std::array<std::uint32_t, kBlock> words{};
    for (std::size_t at = 0; at < in.size(); at += kBlock) {
      const std::size_t n = std::min(kBlock, in.size() - at);
      const std::size_t bad = replace_nans(in.subspan(at, n), nan_, block.data());
      if (bad < n) {
        throw UserError(
            fmt::format("element {} is NaN, which the scheme has no code for; choose `nan` zero or "
                        "`nan` max",
                        first_index + at + bad));
      }
      if constexpr (Kernel::kUsesWords) random.fill(first_index + at, std::span(words).first(n));
      work(block.data(), words.data(), at, n);
    }
  }

  Kernel kernel_;
  NanPolicy nan_;
};

/// A KernelScheme whose book is made by asking the kernel for the value of every code from
/// info.first_code on, `codes` of them.
template <class Kernel>
[[nodiscard]] std::unique_ptr<PreparedScheme> make_kernel_scheme(Kernel kernel, SchemeInfo info,
                                                                 std::size_t codes,
                                                                 const SchemeContext& context) {
  info.book.resize(codes);
  for (std::size_t i = 0; i < codes; ++i) {
    info.book[i] = kernel.value(info.first_code + static_cast<std::int32_t>(i));
  }
  return std::make_unique<KernelScheme<Kernel>>(std::move(kernel), std::move(info),
                                                context.cast.nan);
}

/// Calls `act` with std::true_type or std::false_type: a run-time choice made once a tensor.
template <class Act>
auto with_constant(bool value, Act act) {
  return value ? act(std::true_type{}) : act(std::false_type{});
}

}  // namespace gradpath::schemes
