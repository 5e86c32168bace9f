#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/schemes/scheme.hpp"

namespace gradpath::schemes {

/// Finds the entry of an ascending list that is nearest to a number; at the middle the one whose
/// place is even. The comparison is exact: the list becomes, once, the smallest fp32 that goes to
/// each entry.
class NearestEntry {
 public:
  /// entries: ascending, finite, at least one; equal neighbours are allowed.
  explicit NearestEntry(std::span<const float> entries);

  /// x: any number, also an infinity; not NaN.
  [[nodiscard]] std::int32_t place(float x) const {
    // Branch-free: the thresholds are padded with NaN, which no x reaches, to 2^n - 1.
    std::size_t at = 0;
    for (std::size_t step = half_; step > 0; step >>= 1) {
      at += thresholds_[at + step - 1] <= x ? step : 0;
    }
    return static_cast<std::int32_t>(at);
  }

 private:
  std::vector<float> thresholds_;  ///< [i]: smallest fp32 that goes to entry i + 1 or above
  std::size_t half_;
};

/// The scheme of a list of values: each element becomes the nearest. Code: the place in the list.
[[nodiscard]] std::unique_ptr<PreparedScheme> make_nearest(std::vector<float> ascending, int bits,
                                                           const SchemeContext& context);

/// Bits that number `count` things: ceil(log2(count)), at least 1.
[[nodiscard]] int bits_for(std::size_t count);

inline constexpr std::size_t kMaxBookEntries = std::size_t{1} << 16;

/// Reads a code book: numbers apart by spaces, commas or lines, `#` comments to the end of the
/// line, any order, rounded to fp32. UserError, naming `path` and line, on what is no finite fp32,
/// on two equal numbers, on fewer than 2 or more than 65,536. Returns them ascending.
[[nodiscard]] std::vector<float> parse_code_book(std::string_view text, std::string_view path);

}  // namespace gradpath::schemes
