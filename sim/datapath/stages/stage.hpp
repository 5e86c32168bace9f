#pragma once

#include <exception>
#include <systemc>
#include <vector>

#include "sim/datapath/dataflow/work.hpp"
#include "sim/datapath/stats.hpp"
#include "sim/datapath/timeline.hpp"

namespace gradpath {

/// What all stages share while one product runs.
struct RunContext {
  const DatapathConfig* config = nullptr;
  const GemmWork* work = nullptr;
  GemmPlan plan;
  const Dispatch* dispatch = nullptr;
  Timeline* timeline = nullptr;        ///< null: not recorded
  std::exception_ptr error = nullptr;  ///< the first exception inside a stage
};

/// A stage: one SystemC process that does one product's work when `start` is notified, then waits
/// for the next. Derived classes write run() as the protocol reads: take, work, give. The base
/// keeps the time: each cycle of the process between start and the end of run() is busy, stalled_in
/// or stalled_out.
class Stage : public sc_core::sc_module {
 public:
  Stage(const sc_core::sc_module_name& name, RunContext& context, sc_core::sc_event& start);

  /// Clears the counters; before each product.
  void reset();
  /// True once run() has returned.
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] Cycles finish_cycle() const { return finish_; }
  /// The counters with idle and total for a product of that length.
  [[nodiscard]] ModuleStats stats(Cycles total) const;
  /// Appends the counters of the modules that this process is, mostly one.
  virtual void append_stats(Cycles total, std::vector<ModuleStats>& modules) const {
    modules.push_back(stats(total));
  }

 protected:
  virtual void run() = 0;

  [[nodiscard]] const RunContext& context() const { return context_; }
  [[nodiscard]] const GemmWork& work() const { return *context_.work; }
  [[nodiscard]] const GemmPlan& plan() const { return context_.plan; }

  /// Waits for something to be ready.
  void stall_until(Cycles cycle);
  /// Busy for so many cycles.
  void spend(Cycles cycles);

  template <class T>
  [[nodiscard]] T take(sc_core::sc_fifo_in<T>& port) {
    const Cycles before = now();
    T item = port.read();
    stats_.stalled_in += now() - before;
    return item;
  }
  template <class T>
  void give(sc_core::sc_fifo_out<T>& port, const T& item) {
    const Cycles before = now();
    port.write(item);
    stats_.stalled_out += now() - before;
  }
  /// A credit that the receiver returns: waiting for it is waiting for the way out.
  template <class T>
  [[nodiscard]] T take_credit(sc_core::sc_fifo_in<T>& port) {
    const Cycles before = now();
    T item = port.read();
    stats_.stalled_out += now() - before;
    return item;
  }

  /// Cycles since the product began.
  [[nodiscard]] Cycles now() const;
  void record_busy(Cycles start, Cycles cycles);

  ModuleStats stats_;

 private:
  void process();

  RunContext& context_;
  sc_core::sc_event& start_;
  Cycles begin_ = 0;
  Cycles finish_ = 0;
  bool finished_ = false;
};

/// The clock: one cycle is one nanosecond of simulated time.
[[nodiscard]] sc_core::sc_time cycles_to_time(Cycles cycles);
[[nodiscard]] Cycles time_to_cycles(const sc_core::sc_time& time);

}  // namespace gradpath
