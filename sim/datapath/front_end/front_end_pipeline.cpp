#include "sim/datapath/front_end/front_end_pipeline.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "models/sparse/packed_codes.hpp"
#include "sim/datapath/front_end/block_models.hpp"

namespace gradpath {
namespace {

constexpr std::array kNames = {"pruner", "quantizer", "compactor"};

template <class IsZero>
std::uint64_t count_zeros(const StreamBeat& beat, IsZero is_zero) {
  return static_cast<std::uint64_t>(
      std::count_if(beat.data.begin(), beat.data.begin() + beat.elements, is_zero));
}

std::uint64_t zero_values(const StreamBeat& beat) {
  return count_zeros(beat, [](std::uint32_t bits) { return (bits << 1) == 0; });
}

}  // namespace

FrontEndPipeline::FrontEndPipeline(FrontEndBlocks blocks)
    : blocks_{std::move(blocks.pruner), std::move(blocks.quantizer), std::move(blocks.compactor)} {
  if (blocks_[0] == nullptr) blocks_[0] = make_pruner_model();
  if (blocks_[1] == nullptr) blocks_[1] = make_quantizer_model();
  if (blocks_[2] == nullptr) blocks_[2] = make_compactor_model();
}

void FrontEndPipeline::begin(const GemmWork& work, std::uint32_t lanes, std::uint64_t elements,
                             std::uint64_t beats, std::uint64_t chunks) {
  format_ = work.quantizer->format();
  elements_ = elements;
  beats_ = beats;
  chunks_ = chunks;
  chunks_left_ = 0;
  zeros_in_ = {};
  now_ = 0;
  quiet_ = false;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    blocks_[i]->reset(work, lanes);
    stats_[i] = {};
    stats_[i].module = kNames[i];
    progress_[i] = {};
    last_[i] = State::idle;
  }
}

void FrontEndPipeline::cycle(const StreamBeat* offered, bool bitmap_ready, bool codes_ready) {
  const std::array<bool, kBlocks> ready = {blocks_[0]->ready(), blocks_[1]->ready(),
                                           blocks_[2]->ready()};
  const StreamBeat* const pruned = blocks_[0]->output(StreamBlock::kMain);
  const StreamBeat* const cast = blocks_[1]->output(StreamBlock::kMain);
  const StreamBeat* const bits = bitmap();
  const StreamBeat* const packed = codes();
  const bool pruner_takes = offered != nullptr && ready[0];
  const bool quantizer_takes = pruned != nullptr && ready[1];
  const bool compactor_takes = cast != nullptr && ready[2];
  const bool bits_leave = bits != nullptr && bitmap_ready;
  const bool codes_leave = packed != nullptr && codes_ready;

  if (pruner_takes) {
    stats_[0].elements_in += offered->elements;
    zeros_in_[0] += zero_values(*offered);
  }
  if (quantizer_takes) {
    stats_[0].elements_out += pruned->elements;
    stats_[1].elements_in += pruned->elements;
    zeros_in_[1] += zero_values(*pruned);
  }
  if (compactor_takes) {
    stats_[1].elements_out += cast->elements;
    stats_[2].elements_in += cast->elements;
    zeros_in_[2] +=
        count_zeros(*cast, [&](std::uint32_t code) { return is_zero_code(format_, code); });
  }
  if (codes_leave) {
    stats_[2].elements_out += packed->elements;
    if (packed->last) ++chunks_left_;
  }

  account(0, {offered != nullptr, pruner_takes, pruned != nullptr, quantizer_takes});
  account(1, {pruned != nullptr, quantizer_takes, cast != nullptr, compactor_takes});
  account(2, {cast != nullptr, compactor_takes, bits != nullptr || packed != nullptr, bits_leave});
  quiet_ = !pruner_takes && !quantizer_takes && !compactor_takes && !bits_leave && !codes_leave;

  blocks_[2]->clock(now_, cast, {bitmap_ready, codes_ready});
  blocks_[1]->clock(now_, pruned, {ready[2], false});
  blocks_[0]->clock(now_, offered, {ready[1], false});
  ++now_;
}

void FrontEndPipeline::account(std::size_t block, const Handshake& handshake) {
  Progress& progress = progress_[block];
  State state = State::stalled_in;
  if (progress.empty) {
    state = State::idle;
  } else if (handshake.enters) {
    state = State::busy;
    ++stats_[block].beats;
    ++progress.entered;
  } else if (handshake.offered) {
    state = State::stalled_out;
  } else if (progress.entered == beats_) {
    state = handshake.shows && !handshake.leaves ? State::stalled_out : State::busy;
  }
  if (handshake.leaves) ++progress.left;
  progress.empty = progress.left == beats_ && (block != 2 || chunks_left_ == chunks_);
  add(block, state, 1);
}

Cycles FrontEndPipeline::settles_within() const {
  Cycles cycles = 0;
  for (const auto& block : blocks_) cycles += block->settles_within();
  return cycles;
}

void FrontEndPipeline::repeat(Cycles cycles) {
  for (std::size_t i = 0; i < kBlocks; ++i) add(i, last_[i], cycles);
  now_ += cycles;
}

void FrontEndPipeline::add(std::size_t block, State state, Cycles cycles) {
  last_[block] = state;
  if (state == State::busy) stats_[block].busy += cycles;
  if (state == State::stalled_in) stats_[block].stalled_in += cycles;
  if (state == State::stalled_out) stats_[block].stalled_out += cycles;
}

ModuleStats FrontEndPipeline::stats(std::size_t block) const {
  ModuleStats result = stats_[block];
  const auto bits = static_cast<std::uint64_t>(format_.bits());
  const std::uint64_t code_bytes = (elements_ * bits + 7) / 8;
  if (block < 2) {
    result.zeroed = zeros_in_[block + 1] - zeros_in_[block];
    result.bytes_in = result.elements_in * sizeof(float);
    result.bytes_out = block == 0 ? result.elements_out * sizeof(float) : code_bytes;
  } else {
    result.dropped = result.elements_in - result.elements_out;
    result.bytes_in = code_bytes;
  }
  return result;
}

}  // namespace gradpath
