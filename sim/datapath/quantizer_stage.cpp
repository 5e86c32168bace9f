#include "sim/datapath/quantizer_stage.hpp"

#include "sim/datapath/random_words.hpp"

namespace gradpath {

void QuantizerStage::run() {
  RandomWords words(work().random, work().quantize_seed, RandomUnit::quantizer,
                    context().config->lanes);
  const Quantizer& quantizer = *work().quantizer;
  const std::uint64_t elements = plan().demand.m * plan().demand.k;
  while (stats_.elements_in < elements) {
    Burst burst = take(in);
    auto codes = std::make_shared<std::vector<Code>>(burst.elements);
    quantizer.to_codes_with_words<Code>(*burst.values, words.next(burst), *codes,
                                        work().gradient_scale);
    for (std::size_t i = 0; i < codes->size(); ++i) {
      const bool becomes_zero =
          (*burst.values)[i] != 0.0f && is_zero_code(quantizer.format(), (*codes)[i]);
      stats_.zeroed += becomes_zero ? 1U : 0U;
    }
    burst.codes = std::move(codes);
    burst.values = nullptr;
    stats_.elements_in += burst.elements;
    stats_.elements_out += burst.elements;
    stats_.bytes_in += burst.elements * sizeof(float);
    stats_.bytes_out +=
        (std::uint64_t{burst.elements} * static_cast<std::uint64_t>(quantizer.format().bits()) +
         7) /
        8;
    stats_.beats += burst.beats;
    spend(burst.beats);
    give(out, burst);
  }
}

}  // namespace gradpath
