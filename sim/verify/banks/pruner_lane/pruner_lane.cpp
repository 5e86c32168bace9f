#include "sim/verify/banks/pruner_lane/pruner_lane.hpp"

#include <algorithm>
#include <type_traits>

#include <Vpruner_lane_bank.h>
#ifdef GRADPATH_RTL_COVERAGE
#include <Vpruner_lane_bank__Syms.h>
#endif

#include "sim/verify/banks/bank_model.hpp"

namespace gradpath::verify {

struct PrunerBank::Impl : BankModel<Vpruner_lane_bank> {
  static constexpr std::size_t kInputs =
      std::extent_v<std::remove_reference_t<decltype(Vpruner_lane_bank::x_i)>>;
  static_assert(kInputs > 0);

  std::vector<int> rows;
  std::uint64_t before = 0;  ///< ticks before the last call of prune
};

PrunerBank::PrunerBank() : impl_(std::make_unique<Impl>()) {
  auto& model = impl_->model;
  model.eval();
  for (std::uint32_t row = 0; row < model.row_count_o; ++row) {
    model.row_i = row;
    model.eval();
    impl_->rows.push_back(static_cast<int>(model.random_bits_o));
  }
}
PrunerBank::~PrunerBank() = default;
PrunerBank::PrunerBank(PrunerBank&&) noexcept = default;
PrunerBank& PrunerBank::operator=(PrunerBank&&) noexcept = default;

const std::vector<int>& PrunerBank::rows() const { return impl_->rows; }

void PrunerBank::prune(std::uint32_t alpha, std::span<const std::uint32_t> x,
                       std::span<const std::uint32_t> words, std::span<std::uint32_t> out) {
  auto& model = impl_->model;
  constexpr std::size_t kInputs = Impl::kInputs;
  impl_->before = impl_->ticks();
  for (std::size_t i = 0; i < kInputs; ++i) model.alpha_i[i] = alpha & 0x7fffffffu;
  for (std::size_t begin = 0; begin < x.size(); begin += kInputs) {
    const std::size_t count = std::min(kInputs, x.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      model.x_i[i] = x[begin + i];
      model.random_i[i] = words[begin + i];
    }
    impl_->evaluate();
    for (std::size_t row = 0; row < impl_->rows.size(); ++row) {
      for (std::size_t i = 0; i < count; ++i) out[row * x.size() + begin + i] = model.y_o[row][i];
    }
  }
}

std::uint64_t PrunerBank::tick_of(std::size_t i) const { return impl_->before + i / Impl::kInputs; }

void PrunerBank::watch(Waveform* wave) { impl_->watch(wave, "pruner_lane_bank", {}); }

}  // namespace gradpath::verify

#if defined(__SANITIZE_ADDRESS__)
// Verilator's library joins hierarchical names in a buffer of each thread that it never frees.
// The reserved name is LeakSanitizer's own hook.
extern "C" const char* __lsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:Verilated::catName\n";
}
#endif
