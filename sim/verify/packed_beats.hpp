#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/verify/streams.hpp"

namespace gradpath::verify {

// Beats of codes and of bits as the pins of a Verilated bank have them: 8 bits or 1 bit a lane.

inline constexpr std::size_t kBitsPerCode = 8;

inline std::uint64_t pack_codes_of(const Beat& beat) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) {
    bits |= std::uint64_t{beat.data[i] & 0xff} << (kBitsPerCode * i);
  }
  return bits;
}

inline Beat beat_of_codes(std::uint64_t codes, std::uint32_t mask, bool last) {
  Beat beat{.data = {}, .mask = mask, .last = last};
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i)
    beat.data[i] = codes >> (kBitsPerCode * i) & 0xff;
  return beat;
}

inline std::uint8_t bits_of(const Beat& beat) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) bits |= (beat.data[i] & 1) << i;
  return static_cast<std::uint8_t>(bits);
}

inline Beat beat_of_bits(std::uint32_t bits, std::uint32_t mask, bool last) {
  Beat beat{.data = {}, .mask = mask, .last = last};
  for (std::size_t i = 0; i < Beat::kMaxLanes; ++i) beat.data[i] = bits >> i & 1;
  return beat;
}

}  // namespace gradpath::verify
