#include "sim/verify/banks/lfsr/lfsr.hpp"

#include <Vlfsr_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vlfsr_bank__Syms.h>
#endif

#include "sim/verify/banks/stream_bank_model.hpp"

namespace gradpath::verify {

template <>
struct Pins<LfsrModule> {
  using Model = Vlfsr_bank;
  static constexpr const char* kName = "lfsr_bank";

  static LfsrModule::Row row(const Model&) { return {}; }
  static void seed(Model& m, LfsrModule::Seeds seed) { m.seed_i = seed; }
  static void set(Model& m, const LfsrModule::Inputs& inputs) { m.step_i = inputs.step; }
  static LfsrModule::View view(const Model& m, std::size_t) { return {.word = m.word_o}; }
};

template class StreamBank<LfsrModule>;

}  // namespace gradpath::verify
