#include "sim/cosim/rtl_blocks.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/round/random.hpp"
#include "sim/cosim/drop_in/drop_in.hpp"

namespace gradpath::cli {
namespace {

using verify::Beat;
using verify::DropInBank;
using verify::DropInRow;
using Module = DropInBank::Module;

constexpr std::array<std::string_view, DropInBank::kModules> kNames = {"pruner", "quantizer",
                                                                       "compactor"};

std::string row_name(Module module, const DropInRow& row) {
  if (module == Module::pruner) {
    return fmt::format("{} lanes {}", row.lanes, rounding_name(row.rounding));
  }
  if (module == Module::compactor) {
    return fmt::format("{} lanes {}-bit codes{}", row.lanes, row.code_bits,
                       row.negative_zero ? "" : " without -0");
  }
  return fmt::format("{} lanes {} {} {}", row.lanes, format_name(row.format),
                     rounding_name(row.rounding), overflow_name(row.overflow));
}

std::string named_rows(const DropInBank& bank, Module module) {
  std::vector<std::string> names;
  for (const DropInRow& row : bank.rows(module)) names.push_back(row_name(module, row));
  return fmt::format("{}", fmt::join(names, ", "));
}

bool fits(Module module, const DropInRow& row, const ReplayNumerics& numerics,
          const DatapathConfig& config) {
  if (row.lanes != config.lanes) return false;
  const Format& format = numerics.gradient_format;
  const CastOptions& cast = numerics.gradient_cast;
  switch (module) {
    case Module::pruner:
      return row.rounding.random_bits == numerics.prune_random_bits;
    case Module::quantizer:
      return row.format == format && row.overflow == cast.overflow &&
             row.rounding.mode == cast.rounding.mode &&
             (!cast.rounding.is_stochastic() ||
              row.rounding.random_bits == cast.rounding.random_bits);
    case Module::compactor:
      break;
  }
  return row.code_bits == format.bits() && row.negative_zero == format.has_negative_zero();
}

}  // namespace

/// The model of all modules, and how many of them are in use: the last one of a cycle clocks it.
struct RtlBlocks::Shared {
  DropInBank bank;
  std::array<bool, DropInBank::kModules> used = {};
  std::size_t waiting = 0;       ///< modules that have their inputs of this cycle
  std::uint64_t generation = 0;  ///< counts what changes the modules' outputs

  void request_edge(Cycles cycle) {
    if (++waiting < static_cast<std::size_t>(std::count(used.begin(), used.end(), true))) return;
    waiting = 0;
    bank.clock(cycle);
    ++generation;
    if (bank.assertion_failed()) {
      throw SimulationFault(fmt::format("an assertion of the RTL failed in cycle {}", cycle));
    }
  }
};

namespace {

/// What the RTL's quantizer does in one step, a power of two on the exponent, must be what the
/// golden model does in two: the product in fp32, then the cast.
int exact_scale_exponent(const GemmWork& work) {
  int exponent = 0;
  if (std::frexp(work.gradient_scale, &exponent) != 0.5f || exponent - 1 < -128 ||
      exponent - 1 > 127) {
    throw UserError(
        fmt::format("`rtl` quantizer: the scale {} is not a power of two, which is what its "
                    "hardware adds to the "
                    "exponent; expected `scale` amax-po2, none or a power of two",
                    work.gradient_scale));
  }
  const auto is_exact = [&](float x) {
    return !std::isfinite(x) ||
           static_cast<double>(x * work.gradient_scale) == double{x} * work.gradient_scale;
  };
  if (!is_exact(work.pruner->alpha()) ||
      !std::all_of(work.gradient.values.begin(), work.gradient.values.end(), is_exact)) {
    throw UserError(fmt::format(
        "`rtl` quantizer: a value times the scale {} leaves fp32's range, where the golden model "
        "rounds and the hardware does not; choose another `scale`",
        work.gradient_scale));
  }
  return exponent - 1;
}

template <class Shared>
class RtlBlock : public StreamBlock {
 public:
  RtlBlock(Shared& shared, Module module) : shared_(shared), module_(module) {}

  void reset(const GemmWork& work, std::uint32_t lanes) override {
    std::vector<std::uint32_t> seeds;
    const bool prunes = module_ == Module::pruner;
    for (std::uint32_t lane = 0; lane < lanes && module_ != Module::compactor; ++lane) {
      seeds.push_back(lane_seed(prunes ? work.prune_seed : work.quantize_seed,
                                prunes ? RandomUnit::pruner : RandomUnit::quantizer, lane));
    }
    if (prunes) shared_.bank.set_alpha(std::bit_cast<std::uint32_t>(work.pruner->alpha()));
    if (module_ == Module::quantizer) {
      shared_.bank.set_scale_exponent(exact_scale_exponent(work));
    }
    lanes_ = lanes;
    places_.clear();
    shared_.waiting = 0;
    shared_.bank.reset(module_, seeds);
    ++shared_.generation;
  }

  [[nodiscard]] bool ready() const override { return shared_.bank.ready(module_); }

  [[nodiscard]] const StreamBeat* output(std::size_t port) const override {
    if (seen_ != shared_.generation) refresh();
    return shown_[port] ? &beats_[port] : nullptr;
  }

  [[nodiscard]] Cycles settles_within() const override {
    return module_ == Module::compactor ? kCompactorSettles : kStageSettles;
  }

  void clock(Cycles now, const StreamBeat* input,
             const std::array<bool, kOutputs>& taken) override {
    if (input != nullptr && ready()) places_.push_back({input->index, input->first});
    if (output(kMain) != nullptr && taken[kMain]) places_.pop_front();
    if (input != nullptr) {
      input_.mask = (1u << input->elements) - 1;
      input_.last = input->last;
      std::copy(input->data.begin(), input->data.end(), input_.data.begin());
    }
    shared_.bank.drive(module_, input != nullptr ? &input_ : nullptr, taken);
    shared_.request_edge(now);
  }

 private:
  struct Place {
    std::shared_ptr<const std::vector<std::uint64_t>> index;
    std::uint32_t first;
  };

  void refresh() const {
    seen_ = shared_.generation;
    for (std::size_t port = 0; port < kOutputs; ++port) {
      shown_[port] = false;
      if (port == kCodes && module_ != Module::compactor) continue;
      const auto beat = shared_.bank.output(module_, port);
      if (!beat) continue;
      shown_[port] = true;
      StreamBeat& shown = beats_[port];
      shown.elements = static_cast<std::uint32_t>(std::popcount(beat->mask));
      shown.last = beat->last;
      shown.data.assign(beat->data.begin(), beat->data.begin() + lanes_);
      // The hardware does not know where an element lies; a model behind it may want to.
      if (port == kMain && !places_.empty()) {
        shown.index = places_.front().index;
        shown.first = places_.front().first;
      }
    }
  }

  Shared& shared_;
  Module module_;
  std::uint32_t lanes_ = 0;
  Beat input_;
  std::deque<Place> places_;  ///< of the beats inside
  mutable std::uint64_t seen_ = ~std::uint64_t{0};
  mutable std::array<bool, kOutputs> shown_ = {};
  mutable std::array<StreamBeat, kOutputs> beats_;
};

}  // namespace

RtlBlocks::RtlBlocks(const std::vector<std::string>& modules, const ReplayNumerics& numerics,
                     const DatapathConfig& config, bool prunes)
    : shared_(std::make_unique<Shared>()) {
  for (const std::string& name : modules) {
    const auto* const known = std::find(kNames.begin(), kNames.end(), name);
    if (known == kNames.end()) {
      throw UserError(fmt::format("`rtl` '{}' has no RTL to take its place; expected some of {}",
                                  name, fmt::join(kNames, ",")));
    }
    const auto index = static_cast<std::size_t>(known - kNames.begin());
    const auto module = static_cast<Module>(index);
    const auto& rows = shared_->bank.rows(module);
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const DropInRow& r) {
      return fits(module, r, numerics, config);
    });
    if (row == rows.end()) {
      throw UserError(fmt::format(
          "`rtl` {}: none was built for {} lanes, {} {} {}; built: {}; choose one of them, or add "
          "a "
          "row to sim/cosim/drop_in/drop_in_table.sv and build again",
          name, config.lanes, format_name(numerics.gradient_format),
          rounding_name(numerics.gradient_cast.rounding),
          overflow_name(numerics.gradient_cast.overflow), named_rows(shared_->bank, module)));
    }
    const bool is_random =
        (module == Module::pruner && prunes) ||
        (module == Module::quantizer && numerics.gradient_cast.rounding.is_stochastic());
    if (is_random && numerics.random != RandomSource::lanes) {
      throw UserError(fmt::format(
          "`rtl` {} draws its random words from the lanes' LFSRs and cannot follow `random` {}; "
          "expected `random` lanes",
          name, random_source_name(numerics.random)));
    }
    if (module == Module::quantizer && !numerics.gradient_format.has_nan() &&
        numerics.gradient_cast.nan == NanPolicy::max) {
      throw UserError(
          "`rtl` quantizer casts a NaN to 0 where the format has none; expected `nan` "
          "error or zero");
    }
    shared_->bank.select(module, static_cast<std::size_t>(row - rows.begin()));
    shared_->used[index] = true;
  }
}
RtlBlocks::~RtlBlocks() = default;

FrontEndBlocks RtlBlocks::take() {
  const auto make = [&](Module module) -> std::unique_ptr<StreamBlock> {
    if (!shared_->used[static_cast<std::size_t>(module)]) return nullptr;
    return std::make_unique<RtlBlock<Shared>>(*shared_, module);
  };
  return {.pruner = make(Module::pruner),
          .quantizer = make(Module::quantizer),
          .compactor = make(Module::compactor)};
}

void RtlBlocks::trace(const std::string& path) { shared_->bank.trace(path); }
void RtlBlocks::end_trace() { shared_->bank.end_trace(); }

}  // namespace gradpath::cli
