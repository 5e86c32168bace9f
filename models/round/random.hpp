#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
/// A strong hash makes two keys for a block of 64 elements; inside it a cheap one, with no more
/// arithmetic than a cast at memory speed has room for, spreads them over the elements.
class CounterRandom {
 public:
  explicit constexpr CounterRandom(Seed seed) : seed_(seed) {}

  static constexpr std::uint64_t kBlock = 64;  ///< elements that share keys

  struct Keys {
    std::uint32_t offset;
    std::uint32_t factor;  ///< odd
  };
  /// The keys of the elements block * kBlock and following.
  [[nodiscard]] constexpr Keys keys(std::uint64_t block) const {
    const std::uint64_t key = splitmix64(seed_.value ^ splitmix64(block));
    return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32) | 1u};
  }

  /// Where an element is in its block, spread over 32 bits: place 0..kBlock-1.
  [[nodiscard]] static constexpr std::uint32_t spread(std::uint32_t place) {
    return place * 0x9e3779b9u;
  }
  /// The word of an element.
  [[nodiscard]] static constexpr std::uint32_t mix(std::uint32_t spread_place, Keys keys) {
    std::uint32_t h = (spread_place ^ keys.offset) * keys.factor;
    h ^= h >> 16;
    return h * 0x846ca68bu;
  }

  /// The 32-bit word of element `index`. Its upper bits are the better ones: users of R bits take
  /// the top R.
  [[nodiscard]] constexpr std::uint32_t word(std::uint64_t index) const {
    return mix(spread(static_cast<std::uint32_t>(index % kBlock)), keys(index / kBlock));
  }
  /// The words of elements first, first + 1, ...
  constexpr void fill(std::uint64_t first, std::span<std::uint32_t> words) const {
    for (std::size_t i = 0; i < words.size();) {
      const Keys block = keys((first + i) / kBlock);
      for (auto place = static_cast<std::uint32_t>((first + i) % kBlock);
           place < kBlock && i < words.size(); ++place, ++i) {
        words[i] = mix(spread(place), block);
      }
    }
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
