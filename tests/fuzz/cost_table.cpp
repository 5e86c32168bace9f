// A table of costs, as scripts/synth writes them.
#include "sim/explore/cost_table.hpp"

#include "models/format/formats.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::good_or_refused([&] {
    const CostTable table = CostTable::parse("f", fuzz::text_of(data, size), {"quantizer_lane"});
    static_cast<void>(
        table.find(parse_format("e4m3fn"), parse_rounding("rne"), Overflow::saturate));
  });
  return 0;
}
