#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/round/random.hpp"
#include "sim/datapath/tokens.hpp"
#include "sim/datapath/work.hpp"

namespace gradpath {

/// The random words of one unit during one product (docs/numerics.md, "Random words"). With lanes,
/// element i of a chunk's burst goes through lane i mod W; every beat steps all lanes.
class RandomWords {
 public:
  RandomWords(RandomSource source, Seed seed, RandomUnit unit, std::uint32_t lanes);

  /// The words of the next burst's elements; valid until the next call.
  [[nodiscard]] std::span<const std::uint32_t> next(const Burst& burst);

 private:
  RandomSource source_;
  CounterRandom counter_;
  std::vector<Lfsr> lanes_;
  std::vector<std::uint32_t> words_;
};

}  // namespace gradpath
