#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/format.hpp"
#include "models/format/formats.hpp"
#include "models/round/random.hpp"
#include "models/round/rounding.hpp"
#include "sim/verify/checks/result.hpp"
#include "sim/verify/checks/vector_sets.hpp"

namespace gradpath::verify {

/// What to compare. Empty lists mean everything that was built. A list leaves modules without such
/// a parameter alone: pruners have no format and no overflow, an LFSR has no rounding either.
struct Options {
  std::vector<std::string> modules = {};  ///< of module_names()
  std::vector<Format> formats = {};
  std::vector<Rounding> roundings = {};
  std::vector<Overflow> overflows = {};
  bool fail_fast = false;   ///< no further stream or block of inputs once one has a mismatch
  bool exhaustive = false;  ///< all 2^32 inputs through the lanes instead of the chosen ones
  Seed seed = {};

  /// Whether a check goes on after what it has found.
  [[nodiscard]] bool goes_on(const Result& result) const {
    return !fail_fast || result.mismatches == 0;
  }
  [[nodiscard]] bool has_module(std::string_view name) const;
  [[nodiscard]] bool has_format(const Format& format) const;
  [[nodiscard]] bool has_rounding(const Rounding& rounding) const;
  [[nodiscard]] bool has_overflow(Overflow overflow) const;
};

/// Values to send through the streaming modules.
struct StreamData {
  std::string name;  ///< for the report of a mismatch
  std::span<const float> values;
};

/// Modules that can be compared.
[[nodiscard]] std::vector<std::string_view> module_names();

/// UserError if the options name a module that there is not, or a format or rounding that none of
/// those modules was built with: it names those that were. Touches no file.
void validate(const Options& options);

/// The comparisons on chosen, random or all inputs. Their results do not depend on the order in
/// which they run. UserError as validate.
[[nodiscard]] std::vector<Check> make_checks(const Options& options);

/// Comparisons of the streaming modules on a tensor, under random stalls on both sides: the pruner
/// at the 0.9 quantile of the nonzero magnitudes; the quantizers on values scaled by a power of two
/// (amax-po2). `data.values` must outlive the checks.
[[nodiscard]] std::vector<Check> make_stream_checks(const Options& options, const StreamData& data);

/// Stimuli and answers of the chosen modules, for other simulators. UserError as validate, or if
/// none of the modules has vectors.
[[nodiscard]] std::vector<VectorSet> make_vector_sets(const Options& options);

/// Names of formats and roundings that a module was built with.
struct Built {
  std::set<std::string> formats = {};
  std::set<std::string> roundings = {};

  void add(const Format& format) { formats.insert(format_name(format)); }
  void add(const Rounding& rounding) { roundings.insert(rounding_name(rounding)); }
  void add(const Format& format, const Rounding& rounding) {
    add(format);
    add(rounding);
  }
};

/// The modules of one bank; `module` chooses one of them. rtl/blocks.json names the family of each
/// module, F; checks/F_checks.cpp defines it as k_F.
struct Family {
  void (*add_built)(std::string_view module, Built& built);
  std::vector<Check> (*checks)(std::string_view module, const Options& options);
  /// On a tensor, which is not empty; null: the module takes no values.
  std::vector<Check> (*data_checks)(std::string_view module, const Options& options,
                                    const StreamData& data) = nullptr;
  /// Vectors for benches in SystemVerilog, one set a row; null: there are none yet.
  std::vector<VectorSet> (*vectors)(std::string_view module, const Options& options) = nullptr;
};

}  // namespace gradpath::verify
