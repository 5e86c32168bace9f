#include "sim/datapath/stats.hpp"

namespace gradpath {

ModuleStats& ModuleStats::operator+=(const ModuleStats& other) {
  busy += other.busy;
  stalled_in += other.stalled_in;
  stalled_out += other.stalled_out;
  idle += other.idle;
  total += other.total;
  elements_in += other.elements_in;
  elements_out += other.elements_out;
  zeroed += other.zeroed;
  dropped += other.dropped;
  beats += other.beats;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  sram_bytes += other.sram_bytes;
  return *this;
}

}  // namespace gradpath
