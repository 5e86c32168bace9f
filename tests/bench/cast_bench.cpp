// The bulk cast against memcpy of the same bytes and against the scalar loop, 2^24 floats, one
// core. "ratio" compares two rows of one run: scripts/bench computes it (results/bench.md).
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "tests/bench/bulk.hpp"

namespace gradpath {
namespace {

using bench::inputs;
using bench::kCount;
using bench::memcpy_same_bytes;
using bench::report;

Quantizer make_quantizer(const char* format, const char* rounding) {
  return {parse_format(format), {.rounding = parse_rounding(rounding)}};
}

void to_values(benchmark::State& state, const char* format, const char* rounding) {
  const auto quantizer = make_quantizer(format, rounding);
  benchmark::DoNotOptimize(inputs().data());  // made before the clock runs
  std::vector<float> out(kCount);
  for (auto _ : state) {
    quantizer.to_values(inputs(), out, 0.5f, CounterRandom(Seed{1}));
    benchmark::ClobberMemory();
  }
  report(state, 8);
}

void to_codes(benchmark::State& state, const char* format, const char* rounding) {
  const auto quantizer = make_quantizer(format, rounding);
  benchmark::DoNotOptimize(inputs().data());  // made before the clock runs
  std::vector<std::uint8_t> out(kCount);
  for (auto _ : state) {
    quantizer.to_codes<std::uint8_t>(inputs(), out, 0.5f, CounterRandom(Seed{1}));
    benchmark::ClobberMemory();
  }
  report(state, 5);
}

void decode_codes(benchmark::State& state, const char* format) {
  const auto quantizer = make_quantizer(format, "rne");
  std::vector<std::uint8_t> codes(kCount);
  quantizer.to_codes<std::uint8_t>(inputs(), codes);
  std::vector<float> out(kCount);
  for (auto _ : state) {
    quantizer.decode_codes<std::uint8_t>(codes, out, 0.5f);
    benchmark::ClobberMemory();
  }
  report(state, 5);
}

// One element at a time, what a straightforward program would do.
void naive_loop(benchmark::State& state, const char* format, const char* rounding) {
  const auto quantizer = make_quantizer(format, rounding);
  benchmark::DoNotOptimize(inputs().data());  // made before the clock runs
  const CounterRandom random(Seed{1});
  std::vector<float> out(kCount);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kCount; ++i) {
      out[i] = quantizer.value(quantizer.code(inputs()[i] * 0.5f, random.word(i))) / 0.5f;
    }
    benchmark::ClobberMemory();
  }
  report(state, 8);
}

// The compiler's own narrowing, for scale: GCC's _Float16 (F16C where the machine has it).
void compiler_float16(benchmark::State& state) {
  std::vector<float> out(kCount);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kCount; ++i) {
      out[i] = static_cast<float>(static_cast<_Float16>(inputs()[i]));
    }
    benchmark::ClobberMemory();
  }
  report(state, 8);
}

// The tensor in as many slices as there are threads; elements a second of wall-clock time.
void slices_to_codes(benchmark::State& state) {
  const auto quantizer = make_quantizer("e4m3fn", "sr");
  benchmark::DoNotOptimize(inputs().data());
  const auto threads = static_cast<std::size_t>(state.threads());
  const std::size_t size = kCount / threads;
  const std::size_t first = size * static_cast<std::size_t>(state.thread_index());
  std::vector<std::uint8_t> out(size);
  for (auto _ : state) {
    quantizer.to_codes<std::uint8_t>(std::span(inputs()).subspan(first, size), out, 0.5f,
                                     CounterRandom(Seed{1}), first);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

BENCHMARK(memcpy_same_bytes)->Arg(8)->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, e5m2_rne, "e5m2", "rne")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, e4m3fn_rne, "e4m3fn", "rne")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, e5m2_sr, "e5m2", "sr")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_values, e4m3fn_sr, "e4m3fn", "sr")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, e5m2_rne, "e5m2", "rne")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, e4m3fn_rne, "e4m3fn", "rne")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_codes, e4m3fn_sr, "e4m3fn", "sr")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_codes, e4m3fn, "e4m3fn")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(naive_loop, e4m3fn_rne, "e4m3fn", "rne")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(naive_loop, e4m3fn_sr, "e4m3fn", "sr")->Unit(benchmark::kMillisecond);
BENCHMARK(slices_to_codes)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(compiler_float16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
