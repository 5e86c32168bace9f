#include "sim/datapath/pruner_stage.hpp"

#include <algorithm>

#include "sim/datapath/random_words.hpp"

namespace gradpath {

void PrunerStage::run() {
  RandomWords words(work().random, work().prune_seed, RandomUnit::pruner, context().config->lanes);
  const auto zeros = [](const std::vector<float>& values) {
    return static_cast<std::uint64_t>(std::count(values.begin(), values.end(), 0.0f));
  };
  const std::uint64_t elements = plan().demand.m * plan().demand.k;
  while (stats_.elements_in < elements) {
    const Burst burst = take(in);
    const std::uint64_t zeros_before = zeros(*burst.values);
    work().pruner->prune_with_words(*burst.values, words.next(burst), *burst.values);
    stats_.zeroed += zeros(*burst.values) - zeros_before;
    stats_.elements_in += burst.elements;
    stats_.elements_out += burst.elements;
    stats_.bytes_in += burst.elements * sizeof(float);
    stats_.bytes_out += burst.elements * sizeof(float);
    stats_.beats += burst.beats;
    spend(burst.beats);
    give(out, burst);
  }
}

}  // namespace gradpath
