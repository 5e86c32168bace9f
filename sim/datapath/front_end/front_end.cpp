#include "sim/datapath/front_end/front_end.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace gradpath {
namespace {

constexpr std::array kModules = {"pruner", "quantizer", "compactor"};

}  // namespace

FrontEnd::FrontEnd(const sc_core::sc_module_name& name, RunContext& context,
                   sc_core::sc_event& start, FrontEndBlocks blocks)
    : Stage(name, context, start), pipeline_(std::move(blocks)) {}

void FrontEnd::begin() {
  const std::uint32_t lanes = this->context().config->lanes;
  std::vector<std::uint64_t> chunks;  // their elements
  std::uint64_t beats = 0;
  plan().walk(&Pass::loads_a, [&](const Pass& pass) {
    chunks.push_back(pass.a_elements());
    beats += (pass.a_elements() + lanes - 1) / lanes;
  });
  pipeline_.begin(work(), lanes, plan().demand.m * plan().demand.k, beats, chunks.size());
  buffer_.begin(std::move(chunks), work().quantizer->format().bits(),
                context().config->gradient_buffer_bytes / 2);
  buffer_cycles_ = {};
  burst_ = {};
  burst_next_ = 0;
  offers_ = false;
}

void FrontEnd::run() {
  begin();
  Cycles quiet = 0;
  while (!buffer_.finished()) {
    offers_ = offers_ || fetch_beat();
    int bank = 0;
    if (buffer_.wants_bank() && free_banks->nb_read(bank)) buffer_.give_bank(bank);
    step();
    quiet = pipeline_.is_quiet() ? quiet + 1 : 0;
    wait(cycles_to_time(1));
    if (auto chunk = buffer_.full_chunk()) {
      chunk->ready = now() + sorting_cycles();
      give(out, *chunk);
    }
    if (quiet >= pipeline_.settles_within()) sleep();
  }
}

/// Rows are sorted by their nonzeros, which the compactor has counted, by a bitonic network of one
/// step a cycle.
Cycles FrontEnd::sorting_cycles() const {
  const DatapathConfig& config = *context().config;
  if (!config.mixes_rows || !context().dispatch->shares()) return 0;
  const auto stages = static_cast<Cycles>(std::bit_width(config.array_rows - 1));
  return stages * (stages + 1) / 2;
}

/// The next beat of the burst in hand, or of one that has arrived.
bool FrontEnd::fetch_beat() {
  if (burst_next_ == burst_.elements) {
    burst_next_ = 0;
    if (!in->nb_read(burst_)) {
      burst_ = {};
      return false;
    }
  }
  const std::uint32_t lanes = context().config->lanes;
  const std::uint32_t count = std::min(lanes, burst_.elements - burst_next_);
  offered_.elements = count;
  offered_.last = burst_.last && burst_next_ + count == burst_.elements;
  offered_.data.assign(lanes, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    offered_.data[i] = std::bit_cast<std::uint32_t>((*burst_.values)[burst_next_ + i]);
  }
  offered_.index = burst_.index;
  offered_.first = burst_next_;
  burst_next_ += count;
  return true;
}

/// One cycle of the pipeline and of the buffer behind it.
void FrontEnd::step() {
  const bool bitmap_ready = buffer_.bitmap_ready();
  const bool codes_ready = buffer_.codes_ready();
  const bool has_bank = !buffer_.wants_bank();
  const StreamBeat* const bits = pipeline_.bitmap();
  const StreamBeat* const codes = pipeline_.codes();
  const bool takes = (bits != nullptr && bitmap_ready) || (codes != nullptr && codes_ready);
  if (codes != nullptr && codes_ready) buffer_.take_codes(*codes);
  if (bits != nullptr && bitmap_ready) buffer_.take_bitmap(*bits);
  buffer_state_ = takes      ? BufferState::busy
                  : has_bank ? BufferState::stalled_in
                             : BufferState::stalled_out;
  const bool accepted = offers_ && pipeline_.ready();
  pipeline_.cycle(offers_ ? &offered_ : nullptr, bitmap_ready, codes_ready);
  if (accepted) offers_ = false;
  count_buffer(1);
  record_timeline();
}

/// Until something arrives; the cycles until then are like the last.
void FrontEnd::sleep() {
  if ((!offers_ && in->num_available() > 0) ||
      (buffer_.wants_bank() && free_banks->num_available() > 0)) {
    return;  // it came in the last cycle
  }
  wait(in->data_written_event() | free_banks->data_written_event());
  wait(cycles_to_time(1));
  const Cycles slept = now() - pipeline_.now();
  pipeline_.repeat(slept);
  count_buffer(slept);
}

void FrontEnd::count_buffer(Cycles cycles) {
  if (buffer_state_ == BufferState::busy) buffer_cycles_.busy += cycles;
  if (buffer_state_ == BufferState::stalled_in) buffer_cycles_.stalled_in += cycles;
  if (buffer_state_ == BufferState::stalled_out) buffer_cycles_.stalled_out += cycles;
}

void FrontEnd::record_timeline() const {
  if (context().timeline == nullptr) return;
  const Cycles cycle = pipeline_.now() - 1;
  for (std::size_t i = 0; i < FrontEndPipeline::kBlocks; ++i) {
    if (pipeline_.was_busy(i)) context().timeline->busy(kModules[i], cycle, 1);
  }
  if (buffer_state_ == BufferState::busy) context().timeline->busy("gradient_buffer", cycle, 1);
}

void FrontEnd::append_stats(Cycles total, std::vector<ModuleStats>& modules) const {
  const auto append = [&](ModuleStats stats) {
    stats.total = total;
    stats.idle = total - stats.busy - stats.stalled_in - stats.stalled_out;
    modules.push_back(std::move(stats));
  };
  for (std::size_t i = 0; i < FrontEndPipeline::kBlocks; ++i) {
    ModuleStats stats = pipeline_.stats(i);
    // The buffer knows what the codes and bits of whole chunks take.
    if (i == 2) stats.bytes_out = buffer_.stats().bytes_in;
    append(std::move(stats));
  }
  ModuleStats stats = buffer_.stats();
  stats.busy = buffer_cycles_.busy;
  stats.stalled_in = buffer_cycles_.stalled_in;
  stats.stalled_out = buffer_cycles_.stalled_out;
  append(std::move(stats));
}

}  // namespace gradpath
