#pragma once

#include <cstdint>
#include <string_view>

namespace gradpath {

/// A user's seed. Streams that must differ are derived from it with `derive`.
struct Seed {
  std::uint64_t value = 0;
  friend bool operator==(const Seed&, const Seed&) = default;
};

/// SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words with full avalanche.
[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// An independent seed for a named purpose (a tensor, a policy, a unit).
[[nodiscard]] constexpr Seed derive(Seed seed, std::uint64_t purpose) {
  return Seed{splitmix64(splitmix64(seed.value) ^ purpose)};
}

/// Counter-based random words for bulk work: a word depends on the seed and the element's index
/// alone, so results do not depend on threads or chunks (docs/numerics.md, "Counter words").
class CounterRandom {
 public:
  explicit constexpr CounterRandom(Seed seed) : seed_(seed) {}

  /// The two keys of the 2^32 indices that share index >> 32.
  struct Keys {
    std::uint32_t key0;
    std::uint32_t key1;
  };
  [[nodiscard]] constexpr Keys keys(std::uint64_t index) const {
    const std::uint64_t key = splitmix64(seed_.value ^ splitmix64(index >> 32));
    return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  }

  /// The 32-bit word of element `index`.
  [[nodiscard]] constexpr std::uint32_t word(std::uint64_t index) const {
    const auto [key0, key1] = keys(index);
    return mix(static_cast<std::uint32_t>(index), key0, key1);
  }

  /// The 32-bit core: two keys, constant over 2^32 elements, enter before each multiplication.
  [[nodiscard]] static constexpr std::uint32_t mix(std::uint32_t index, std::uint32_t key0,
                                                   std::uint32_t key1) {
    std::uint32_t h = index ^ key0;
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h += key1;
    h *= 0x846ca68bu;
    h ^= h >> 16;
    return h;
  }

 private:
  Seed seed_;
};

/// The hardware's random source, one a lane, bit for bit that of rtl/lfsr.sv: a 32-bit linear
/// feedback shift register in xorshift form (Marsaglia 2003, triple 13,17,5; period 2^32 - 1).
class Lfsr {
 public:
  /// The all-zero state is a fixed point, so 0 is replaced by 1.
  explicit constexpr Lfsr(std::uint32_t state) : state_(state == 0 ? 1u : state) {}

  /// The word of this step: the register as it stands.
  [[nodiscard]] constexpr std::uint32_t word() const { return state_; }
  /// Moves on by one step; hardware does so once per accepted beat.
  constexpr void step() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
  }

 private:
  std::uint32_t state_;
};

/// Hardware units that own random sources.
enum class RandomUnit : std::uint32_t { pruner = 0, quantizer = 1 };

/// FNV-1a, 64 bits: a name as a number.
[[nodiscard]] constexpr std::uint64_t name_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

/// The seed of a tensor's counter words: of its own for every tensor name and unit.
[[nodiscard]] constexpr Seed tensor_seed(Seed seed, RandomUnit unit, std::string_view tensor) {
  return derive(derive(seed, static_cast<std::uint32_t>(unit)), name_hash(tensor));
}

/// Reset state of a lane's LFSR; never 0.
[[nodiscard]] constexpr std::uint32_t lane_seed(Seed seed, RandomUnit unit, std::uint32_t lane) {
  const auto purpose = (std::uint64_t{static_cast<std::uint32_t>(unit)} << 32) | lane;
  const auto state = static_cast<std::uint32_t>(derive(seed, purpose).value);
  return state == 0 ? 1u : state;
}

}  // namespace gradpath
