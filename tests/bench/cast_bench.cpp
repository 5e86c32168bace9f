// The bulk cast against memcpy of the same bytes and against the scalar loop, 2^24 floats, one
// core. "ratio" compares two rows of one run: scripts/bench computes it (results/bench.md).
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kCount = std::size_t{1} << 24;

// Lognormal magnitudes with random signs, as gradients have them (seed fixed).
const std::vector<float>& inputs() {
  static const std::vector<float> values = [] {
    std::mt19937 random(2006);
    std::normal_distribution<float> log_magnitude(-3.0f, 2.0f);
    std::vector<float> made(kCount);
    for (auto& x : made) x = std::exp(log_magnitude(random)) * (random() % 2 == 0 ? 1.0f : -1.0f);
    return made;
  }();
  return values;
}

void report(benchmark::State& state, std::size_t bytes_per_element) {
  const auto elements = static_cast<double>(state.iterations()) * static_cast<double>(kCount);
  state.SetBytesProcessed(static_cast<std::int64_t>(elements) *
                          static_cast<std::int64_t>(bytes_per_element));
  state.counters["ns_per_element"] = benchmark::Counter(
      elements * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Reads and writes `bytes_per_element` in total, half each: the same traffic as a cast.
void memcpy_same_bytes(benchmark::State& state) {
  const auto traffic = static_cast<std::size_t>(state.range(0));
  const std::size_t half = kCount * traffic / 2;
  std::vector<char> source(half, 1);
  std::vector<char> target(half, 2);
  for (auto _ : state) {
    std::memcpy(target.data(), source.data(), half);
    benchmark::DoNotOptimize(target.data());
    benchmark::ClobberMemory();
  }
  report(state, traffic);
}

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
BENCHMARK(compiler_float16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
