#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>

#include <verilated.h>
#include <verilated_fst_c.h>

#include "models/error.hpp"
#include "sim/verify/banks/coverage.hpp"
#include "sim/verify/banks/waveform.hpp"

namespace gradpath::verify {

/// Verilator notes the last context that was made or entered in a global variable, unguarded; banks
/// come and go in several threads.
inline std::mutex& last_context() {
  static std::mutex mutex;
  return mutex;
}

/// A Verilated bank with what all banks do: ticks are counted and shown in a waveform,
/// a property of the RTL that fails is noted. For the files that see Verilator alone.
template <class Model>
class BankModel {
 public:
  BankModel() : BankModel(std::scoped_lock(last_context())) {}
  BankModel(const BankModel&) = delete;
  BankModel& operator=(const BankModel&) = delete;
  // A model unregisters from the thread's context, which must not be one that is gone.
  ~BankModel() {
    end_watch();
    add_coverage(model);
    const std::scoped_lock lock(last_context());
    Verilated::threadContextp(&context);
  }

  /// From now on ticks are shown, in these scopes and at the bank's own ports (bank empty:
  /// everywhere); null: they are not.
  void watch(Waveform* wave, const std::string& bank, std::initializer_list<std::string> scopes) {
    if (wave == nullptr) return;
    if constexpr (requires { model.trace(nullptr, 99); }) {
      wave_ = wave;
      model.trace(&wave->file(), 99);
      if (!bank.empty()) wave->file().dumpvars(1, "TOP." + bank);
      for (const std::string& scope : scopes) {
        wave->file().dumpvars(99, "TOP." + bank + "." + scope);
      }
      wave->open();
    } else {
      throw UserError(
          "this program shows no waveform of the lanes, which are built for speed; the same run of "
          "gradpath does");
    }
  }

  /// What was shown is whole from here on.
  void end_watch() {
    if (wave_ != nullptr) wave_->close();
    wave_ = nullptr;
  }

  /// The next tick has this number: nothing happens until then.
  void skip_to(std::uint64_t tick) { ticks_ = tick; }
  /// One tick: the inputs settle after `before`, which properties sample, then `edge`.
  template <class Before, class Edge>
  void tick(Before before, Edge edge) {
    before();
    model.eval();
    if (wave_ != nullptr) wave_->settled(ticks_);
    edge();
    finish_tick();
  }
  /// One cycle of the row's clock.
  void clock(std::size_t row) {
    using Clock = std::remove_reference_t<decltype(model.clk_i)>;
    tick([&] { model.clk_i = 0; }, [&] { model.clk_i = static_cast<Clock>(Clock{1} << row); });
  }
  /// One tick of combinational logic.
  void evaluate() { finish_tick(); }

  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  /// The tick in which a property of the RTL (an immediate assertion) failed first.
  [[nodiscard]] const std::optional<std::uint64_t>& failed_assertion() const {
    return failed_assertion_;
  }

  struct Context : VerilatedContext {
    Context() {
      fatalOnError(false);  // a failed property is a result, not the end of the program
      traceEverOn(true);
      randReset(1);  // registers are all ones until the first reset, not a tidy zero
    }
  } context;
  Model model{&context};

 private:
  explicit BankModel(const std::scoped_lock<std::mutex>&) {}
  void finish_tick() {
    model.eval();
    if (!failed_assertion_ && context.gotError()) failed_assertion_ = ticks_;
    const std::uint64_t tick = ticks_++;
    if (wave_ != nullptr) wave_->done(tick);
  }

  Waveform* wave_ = nullptr;
  std::uint64_t ticks_ = 0;
  std::optional<std::uint64_t> failed_assertion_;
};

}  // namespace gradpath::verify
