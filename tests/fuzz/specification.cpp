// Every small language of the command line: formats and their lists, roundings, scales, policies,
// alpha rules, schemes, accumulators, dispatches, numbers. The first byte chooses which.
#include <functional>
#include <limits>

#include "models/format/formats.hpp"
#include "models/mac/accumulator.hpp"
#include "models/prune/alpha_rule.hpp"
#include "models/prune/policy.hpp"
#include "models/round/rounding.hpp"
#include "models/scale/scaling.hpp"
#include "models/schemes/schemes.hpp"
#include "models/sparse/dispatch.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/explore/sweep.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

namespace {

// What is read has a name that reads as itself again.
template <class Parse, class Name>
void round_trip(std::string_view text, Parse parse, Name name) {
  const auto value = parse(text);
  const std::string spelt(name(value));
  fuzz::require(name(parse(spelt)) == spelt);
}

void read(std::size_t kind, std::string_view text) {
  switch (kind) {
    case 0:
      return round_trip(text, parse_format, format_name);
    case 1:
      return static_cast<void>(parse_format_list(text));
    case 2:
      return round_trip(text, parse_rounding, rounding_name);
    case 3:
      return round_trip(text, parse_scaling, scaling_name);
    case 4:
      return round_trip(text, parse_prune_policy,
                        [](const auto& policy) { return policy->name(); });
    case 5:
      return round_trip(text, parse_alpha_rule, alpha_rule_name);
    case 6:
      return round_trip(text, parse_scheme, [](const auto& scheme) { return scheme->name(); });
    case 7:
      return round_trip(text, parse_accumulator, accumulator_name);
    case 8:
      return round_trip(text, parse_dispatch,
                        [](const auto& dispatch) { return dispatch->name(); });
    case 9:
      return static_cast<void>(parse_sweep_scale(text));
    case 10: {
      const auto numbers = cli::parse_integer_list("list", text, -1000, 1000000);
      for (const std::int64_t number : numbers) fuzz::require(number >= -1000 && number <= 1000000);
      return;
    }
    default: {
      const double most = std::numeric_limits<double>::max();
      for (const double number : cli::parse_number_list("list", text, -most, most)) {
        fuzz::require(number >= -most && number <= most);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return -1;
  fuzz::good_or_refused([&] { read(data[0] % 12, fuzz::text_of(data + 1, size - 1)); });
  return 0;
}
