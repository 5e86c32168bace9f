#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gradpath::verify {

/// A beat of any stream (rtl/README.md): one 32-bit word a lane, an fp32 bit pattern, a code or a
/// bit.
struct Beat {
  static constexpr std::size_t kMaxLanes = 16;
  std::array<std::uint32_t, kMaxLanes> data = {};
  std::uint32_t mask = 0;  ///< bit i: lane i holds an element
  bool last = false;

  friend bool operator==(const Beat&, const Beat&) = default;
};

/// What is on the pins of a stream without a beat: nothing of it may count.
inline constexpr Beat kNoBeat = [] {
  Beat beat{.data = {}, .mask = 0xffff, .last = true};
  beat.data.fill(0x7f7fffff);
  return beat;
}();

// Beats as the pins of a Verilated bank have them: words of 32 bits in an array, codes of 8 bits or
// bits in one number.

/// The words in an array of pins.
template <class Pins>
inline constexpr std::size_t kWords = sizeof(Pins) / sizeof(std::uint32_t);

template <class Pins>
void put_words(Pins& pins, const Beat& beat) {
  for (std::size_t i = 0; i < kWords<Pins>; ++i) pins[i] = beat.data[i];
}

template <class Pins>
Beat beat_of_words(const Pins& pins, std::uint32_t mask, bool last) {
  Beat beat{.data = {}, .mask = mask, .last = last};
  for (std::size_t i = 0; i < kWords<Pins>; ++i) beat.data[i] = pins[i];
  return beat;
}

inline constexpr std::size_t kPackedLanes = 8;

template <class Pins>
void put_bits(Pins& pins, std::size_t bits_per_lane, const Beat& beat) {
  const std::uint64_t mask = (std::uint64_t{1} << bits_per_lane) - 1;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kPackedLanes; ++i) {
    bits |= (beat.data[i] & mask) << (bits_per_lane * i);
  }
  pins = static_cast<Pins>(bits);
}

inline Beat beat_of_bits(std::uint64_t bits, std::size_t bits_per_lane, std::uint32_t mask,
                         bool last) {
  Beat beat{.data = {}, .mask = mask, .last = last};
  const std::uint64_t lane = (std::uint64_t{1} << bits_per_lane) - 1;
  for (std::size_t i = 0; i < kPackedLanes; ++i) {
    beat.data[i] = static_cast<std::uint32_t>(bits >> (bits_per_lane * i) & lane);
  }
  return beat;
}

}  // namespace gradpath::verify
