#include "sim/datapath/stages/stage.hpp"

namespace gradpath {

namespace {
constexpr Cycles kPicosecondsPerCycle = 1000;
}  // namespace

sc_core::sc_time cycles_to_time(Cycles cycles) {
  return sc_core::sc_time::from_value(cycles * kPicosecondsPerCycle);
}

Cycles time_to_cycles(const sc_core::sc_time& time) { return time.value() / kPicosecondsPerCycle; }

Stage::Stage(const sc_core::sc_module_name& name, RunContext& context, sc_core::sc_event& start)
    : sc_core::sc_module(name), context_(context), start_(start) {
  SC_HAS_PROCESS(Stage);
  SC_THREAD(process);
}

void Stage::reset() {
  stats_ = {};
  stats_.module = basename();
  finished_ = false;
}

ModuleStats Stage::stats(Cycles total) const {
  ModuleStats result = stats_;
  result.total = total;
  result.idle = total - finish_;
  return result;
}

void Stage::spend(Cycles cycles) {
  if (cycles == 0) return;
  record_busy(now(), cycles);
  wait(cycles_to_time(cycles));
}

void Stage::stall_until(Cycles cycle) {
  stats_.stalled_in += cycle - now();
  wait(cycles_to_time(cycle - now()));
}

Cycles Stage::now() const { return time_to_cycles(sc_core::sc_time_stamp()) - begin_; }

void Stage::record_busy(Cycles start, Cycles cycles) {
  stats_.busy += cycles;
  if (context_.timeline != nullptr) context_.timeline->busy(stats_.module, start, cycles);
}

void Stage::process() {
  while (true) {
    wait(start_);
    begin_ = time_to_cycles(sc_core::sc_time_stamp());
    try {
      run();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;  // the kernel ends the process
    } catch (...) {
      // SystemC would turn it into a report; the datapath throws it again as it is.
      if (context_.error == nullptr) context_.error = std::current_exception();
      return;
    }
    finish_ = now();
    finished_ = true;
  }
}

}  // namespace gradpath
