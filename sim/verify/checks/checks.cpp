#include "sim/verify/checks/checks.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"

namespace gradpath::verify {

// CMake writes it from rtl/blocks.json: RTL_MODULE(name, family) for each module.
#define RTL_MODULE(name, family) extern const Family k_##family;
#include <rtl_modules.inc>
#undef RTL_MODULE

namespace {

struct Module {
  std::string_view name;
  const Family& family;
};
#define RTL_MODULE(name, family) Module{#name, k_##family},
constexpr std::array kModules = {
#include <rtl_modules.inc>
};
#undef RTL_MODULE

template <class T>
bool empty_or_has(const std::vector<T>& list, const T& item) {
  return list.empty() || std::find(list.begin(), list.end(), item) != list.end();
}

void require_built(std::string_view what, const std::string& name,
                   const std::set<std::string>& built) {
  if (built.contains(name)) return;
  throw UserError(fmt::format(
      "{} '{}' is not among those that the chosen RTL modules were built with: {}; choose one of "
      "them, or let scripts/verify-rtl build one",
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

std::vector<std::string_view> module_names() {
  std::vector<std::string_view> names;
  for (const Module& module : kModules) names.push_back(module.name);
  return names;
}

void validate(const Options& options) {
  const auto names = module_names();
  for (const std::string& module : options.modules) {
    if (std::find(names.begin(), names.end(), module) == names.end()) {
      throw UserError(fmt::format("there is no RTL module '{}'; expected one of {}", module,
                                  fmt::join(names, " ")));
    }
  }
  Built built;
  for (const Module& module : kModules) {
    if (options.has_module(module.name)) module.family.add_built(module.name, built);
  }
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
  for (const Module& module : kModules) {
    if (!options.has_module(module.name)) continue;
    const auto more = module.family.checks(module.name, options);
    checks.insert(checks.end(), more.begin(), more.end());
  }
  if (checks.empty()) {
    throw UserError(
        "no RTL module was built with this combination of `module`, `format`, `round` and "
        "`overflow`; leave one of them out");
  }
  return checks;
}

std::vector<VectorSet> make_vector_sets(const Options& options) {
  validate(options);
  std::vector<VectorSet> sets;
  for (const Module& module : kModules) {
    if (!options.has_module(module.name) || module.family.vectors == nullptr) continue;
    auto more = module.family.vectors(module.name, options);
    std::move(more.begin(), more.end(), std::back_inserter(sets));
  }
  if (sets.empty()) {
    throw UserError("none of the chosen modules has vectors; leave `module` or `format` out");
  }
  return sets;
}

std::vector<Check> make_stream_checks(const Options& options, const StreamData& data) {
  std::vector<Check> checks;
  for (const Module& module : kModules) {
    if (data.values.empty() || module.family.data_checks == nullptr) continue;
    if (!options.has_module(module.name)) continue;
    const auto more = module.family.data_checks(module.name, options, data);
    checks.insert(checks.end(), more.begin(), more.end());
  }
  return checks;
}

}  // namespace gradpath::verify
