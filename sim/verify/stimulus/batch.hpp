#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace gradpath::verify {

/// Inputs of a lane with their random words, collected into blocks; each full block, and the rest
/// at the end, goes to `compare`.
class Batch {
 public:
  static constexpr std::size_t kBlock = 4096;
  using Compare =
      std::function<void(std::span<const std::uint32_t> x, std::span<const std::uint32_t> words)>;

  explicit Batch(Compare compare) : compare_(std::move(compare)) {}

  void add(std::uint32_t x, std::uint32_t word) {
    x_[count_] = x;
    words_[count_] = word;
    if (++count_ == kBlock) flush();
  }

  void flush() {
    if (count_ == 0) return;
    compare_(std::span(x_).first(count_), std::span(words_).first(count_));
    count_ = 0;
  }

 private:
  Compare compare_;
  std::size_t count_ = 0;
  std::array<std::uint32_t, kBlock> x_ = {};
  std::array<std::uint32_t, kBlock> words_ = {};
};

/// The smallest number above `low`, up to `high`, for which `differs`, which is false at `low` and
/// changes at most once; none if it does not.
template <class Differs>
std::optional<std::uint32_t> first_difference(std::uint32_t low, std::uint32_t high,
                                              Differs differs) {
  if (!differs(high)) return std::nullopt;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    (differs(middle) ? high : low) = middle;
  }
  return high;
}

/// The smallest of the 2^random_bits numbers u for which `differs(word of u)` is unlike that of 0,
/// where it changes at most once; none if it does not. A word holds its number at the top.
template <class Differs>
std::optional<std::uint32_t> deciding_number(int random_bits, Differs differs) {
  const int up = 32 - random_bits;
  const auto largest = static_cast<std::uint32_t>((std::uint64_t{1} << random_bits) - 1);
  return first_difference(0, largest, [&](std::uint32_t u) { return differs(u << up); });
}

/// The word of that number, and that of the one below it with the unused bits set: they must not
/// matter.
struct DecidingWords {
  std::uint32_t at;
  std::uint32_t below;
};
inline DecidingWords deciding_words(std::uint32_t number, int random_bits) {
  const int unused = 32 - random_bits;
  const auto ones = static_cast<std::uint32_t>((std::uint64_t{1} << unused) - 1);
  return {number << unused, ((number - 1) << unused) | ones};
}

}  // namespace gradpath::verify
