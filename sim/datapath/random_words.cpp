#include "sim/datapath/random_words.hpp"

namespace gradpath {

RandomWords::RandomWords(RandomSource source, Seed seed, RandomUnit unit, std::uint32_t lanes)
    : source_(source), counter_(seed) {
  if (source_ == RandomSource::counter) return;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    lanes_.emplace_back(lane_seed(seed, unit, lane));
  }
}

std::span<const std::uint32_t> RandomWords::next(const Burst& burst) {
  words_.assign(burst.elements, 0);
  if (source_ == RandomSource::counter) {
    if (burst.index == nullptr) return words_;  // nothing random in this product
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = counter_.word((*burst.index)[i]);
    return words_;
  }
  for (std::size_t i = 0; i < words_.size(); i += lanes_.size()) {
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (i + lane < words_.size()) words_[i + lane] = lanes_[lane].word();
      lanes_[lane].step();
    }
  }
  return words_;
}

}  // namespace gradpath
