#include "sim/datapath/memory/dram_channel.hpp"

#include "sim/datapath/stages/stage.hpp"

namespace gradpath {

void DramChannel::reset(std::uint64_t bytes_per_cycle) {
  bytes_per_cycle_ = bytes_per_cycle;
  slack_ = 0;
  stats_ = {};
  stats_.module = basename();
}

DramTransfer DramChannel::read(std::uint64_t bytes) {
  stats_.bytes_out += bytes;
  return transfer(bytes);
}

DramTransfer DramChannel::write(std::uint64_t bytes) {
  stats_.bytes_in += bytes;
  return transfer(bytes);
}

DramTransfer DramChannel::transfer(std::uint64_t bytes) {
  const auto clock = [] { return time_to_cycles(sc_core::sc_time_stamp()); };
  const Cycles arrived = clock();
  const std::uint64_t ticket = next_ticket_++;
  while (ticket != serving_) sc_core::wait(turn_);
  const Cycles begun = clock();
  // Back-to-back transfers share a cycle; the rest of a cycle is lost once the channel rests.
  const std::uint64_t left_over = begun == last_end_ ? slack_ : 0;
  const std::uint64_t needed = bytes > left_over ? bytes - left_over : 0;
  const Cycles cycles = (needed + bytes_per_cycle_ - 1) / bytes_per_cycle_;
  slack_ = left_over + cycles * bytes_per_cycle_ - bytes;
  if (cycles > 0) sc_core::wait(cycles_to_time(cycles));
  last_end_ = clock();
  stats_.busy += cycles;
  ++serving_;
  turn_.notify(sc_core::SC_ZERO_TIME);
  return {.waited = begun - arrived, .moved = cycles};
}

ModuleStats DramChannel::stats(Cycles total) const {
  ModuleStats result = stats_;
  result.total = total;
  result.idle = total - result.busy;
  return result;
}

}  // namespace gradpath
