#include "sim/verify/checks.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/verify/compaction.hpp"
#include "sim/verify/front_end.hpp"
#include "sim/verify/lanes.hpp"
#include "sim/verify/multiplier.hpp"
#include "sim/verify/statistics.hpp"
#include "sim/verify/streams.hpp"

namespace gradpath::verify {
namespace {

template <class T>
bool empty_or_has(const std::vector<T>& list, const T& item) {
  return list.empty() || std::find(list.begin(), list.end(), item) != list.end();
}

constexpr std::array<std::string_view, 12> kModules = {
    "lfsr",      "quantizer_lane", "quantizer", "pruner_lane",         "pruner",
    "compactor", "decompactor",    "amax_unit", "threshold_histogram", "threshold_log",
    "front_end", "multiplier"};

// Names of what the selected modules were built with.
struct Built {
  std::set<std::string> formats;
  std::set<std::string> roundings;
};

Built built_parameters(const Options& options) {
  Built built;
  const auto add_random_bits = [&](int bits) {
    built.roundings.insert(rounding_name({.mode = Rounding::Mode::sr, .random_bits = bits}));
  };
  if (options.has_module("quantizer_lane")) {
    const QuantizerBank bank;
    for (const QuantizerRow& row : bank.rows()) {
      built.formats.insert(format_name(row.format));
      built.roundings.insert(rounding_name(row.rounding));
    }
  }
  if (options.has_module("pruner_lane")) {
    const PrunerBank bank;
    for (const int bits : bank.rows()) add_random_bits(bits);
  }
  if (options.has_module("compactor") || options.has_module("decompactor")) {
    const CompactionBank bank;
    for (const auto& row : bank.rows()) built.formats.insert(format_name(row.format));
  }
  if (options.has_module("amax_unit")) {
    const StatisticsBank bank;
    for (const auto& row : bank.rows()) {
      if (row.unit == StatisticsBank::Unit::amax) built.formats.insert(format_name(row.format));
    }
  }
  if (options.has_module("multiplier")) {
    const MultiplierBank bank;
    for (const Format& format : bank.rows()) built.formats.insert(format_name(format));
  }
  if (options.has_module("front_end")) {
    const FrontEndBank bank;
    for (const auto& row : bank.rows()) {
      built.formats.insert(format_name(row.quantizer.format));
      built.roundings.insert(rounding_name(row.quantizer.rounding));
    }
  }
  const StreamBank bank;
  for (const StreamRow& row : bank.rows()) {
    if (row.is_pruner && options.has_module("pruner")) {
      add_random_bits(row.rounding.random_bits);
    }
    if (!row.is_pruner && options.has_module("quantizer")) {
      built.formats.insert(format_name(row.format));
      built.roundings.insert(rounding_name(row.rounding));
    }
  }
  return built;
}

void require_built(std::string_view what, const std::string& name,
                   const std::set<std::string>& built) {
  if (built.contains(name)) return;
  throw UserError(fmt::format(
      "{} '{}' is not among those that the chosen RTL modules were built with: {}; choose one of "
      "them, or add a row to sim/verify/harness and build again",
      what, name, built.empty() ? "none" : fmt::format("{}", fmt::join(built, " "))));
}

}  // namespace

bool Options::has_module(std::string_view name) const {
  return empty_or_has(modules, std::string(name));
}
bool Options::has_format(const Format& format) const { return empty_or_has(formats, format); }
bool Options::has_rounding(const Rounding& rounding) const {
  return roundings.empty() ||
         std::any_of(roundings.begin(), roundings.end(), [&](const Rounding& r) {
           return r.mode == rounding.mode &&
                  (!r.is_stochastic() || r.random_bits == rounding.random_bits);
         });
}
bool Options::has_overflow(Overflow overflow) const { return empty_or_has(overflows, overflow); }

std::span<const std::string_view> module_names() { return kModules; }

void validate(const Options& options) {
  for (const std::string& module : options.modules) {
    if (std::find(kModules.begin(), kModules.end(), module) == kModules.end()) {
      throw UserError(fmt::format("there is no RTL module '{}'; expected one of {}", module,
                                  fmt::join(kModules, " ")));
    }
  }
  const Built built = built_parameters(options);
  for (const Format& format : options.formats) {
    require_built("format", format_name(format), built.formats);
  }
  for (const Rounding& rounding : options.roundings) {
    require_built("rounding", rounding_name(rounding), built.roundings);
  }
}

std::vector<Check> make_checks(const Options& options) {
  validate(options);
  std::vector<Check> checks;
  const auto add = [&](std::string_view module, std::vector<Check> more) {
    if (options.has_module(module)) checks.insert(checks.end(), more.begin(), more.end());
  };
  add("lfsr", make_lfsr_checks(options));
  add("quantizer_lane", make_quantizer_lane_checks(options));
  add("pruner_lane", make_pruner_lane_checks(options));
  for (const auto& more : {make_random_stream_checks(options), make_compaction_checks(options),
                           make_statistics_checks(options), make_front_end_checks(options),
                           make_multiplier_checks(options)}) {
    checks.insert(checks.end(), more.begin(), more.end());
  }
  if (checks.empty()) {
    throw UserError(
        "no RTL module was built with this combination of --module, --format, --round and "
        "--overflow; leave one of them out");
  }
  return checks;
}

}  // namespace gradpath::verify
