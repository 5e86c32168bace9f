// Block-scaled casts against memcpy of the same bytes, 2^24 floats in blocks along the last axis,
// one core. "ratio" compares two rows of one run: scripts/bench computes it (results/bench.md).
#include <cmath>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/format/formats.hpp"
#include "models/scale/block_quantizer.hpp"
#include "models/scale/scaling.hpp"
#include "tests/bench/bulk.hpp"

namespace gradpath {
namespace {

using bench::inputs;
using bench::kCount;
using bench::memcpy_same_bytes;
using bench::report;

// Rows of 4,096 elements; `axis` as in --axis.
template <class Out>
void block_cast(benchmark::State& state, const char* format, const char* rounding,
                const char* scaling_text, int axis) {
  const Quantizer quantizer(parse_format(format), {.rounding = parse_rounding(rounding)});
  const auto scaling = std::get<BlockScaling>(parse_scaling(scaling_text));
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(kCount / 4096), 4096};
  const BlockLayout layout = block_layout(shape, axis, scaling.block);
  float amax = 0;
  for (const float x : inputs()) amax = std::max(amax, std::abs(x));
  const BlockQuantizer blocks(quantizer, scaling, layout, amax);
  std::vector<std::uint8_t> scales(layout.blocks());
  std::vector<Out> out(kCount);
  const GroupRange all{0, layout.groups()};
  for (auto _ : state) {
    if constexpr (std::is_same_v<Out, float>) {
      blocks.quantize_to_values(inputs(), all, scales, out, CounterRandom(Seed{1}));
    } else {
      blocks.quantize_to_codes<Out>(inputs(), all, scales, out, CounterRandom(Seed{1}));
    }
    benchmark::ClobberMemory();
  }
  report(state, 4 + sizeof(Out));
}

void to_codes(benchmark::State& state, const char* format, const char* rounding,
              const char* scaling, int axis) {
  block_cast<std::uint8_t>(state, format, rounding, scaling, axis);
}
void to_values(benchmark::State& state, const char* format, const char* rounding,
               const char* scaling, int axis) {
  block_cast<float>(state, format, rounding, scaling, axis);
}

BENCHMARK(memcpy_same_bytes)->Arg(8)->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp8_rne, "e4m3fn", "rne", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp4_rne, "e2m1fn", "rne", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp8_sr, "e4m3fn", "sr", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, mxfp8_rne, "e4m3fn", "rne", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, mxfp4_rne, "e2m1fn", "rne", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, mxfp8_sr, "e4m3fn", "sr", "mx", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp8_axis0, "e4m3fn", "rne", "mx", 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp8_fit, "e4m3fn", "rne", "mx:32:fit", -1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, nvfp4, "e2m1fn", "rne", "nvfp4", -1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, mxfp4_mse, "e2m1fn", "rne", "mx:32:mse", -1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
