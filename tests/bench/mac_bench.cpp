// Products a second of the bit-exact matrix product, one core. "definition" is the scalar code that
// the bulk kernels equal, for scale.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/format/formats.hpp"
#include "models/mac/dot.hpp"
#include "models/mac/low_precision_gemm.hpp"

namespace gradpath {
namespace {

constexpr std::int64_t kRows = 64;
constexpr std::int64_t kColumns = 256;
constexpr std::int64_t kLength = 2048;

// Lognormal magnitudes with random signs, as gradients have them (seed fixed).
FormatMatrix random_matrix(const char* format, std::int64_t rows, std::int64_t columns) {
  std::mt19937 random(2511);
  std::normal_distribution<double> log_magnitude(-1.0, 1.5);
  FormatMatrix matrix{parse_format(format), rows, columns, {}};
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const double x = std::exp(log_magnitude(random)) * (random() % 2 == 0 ? 1.0 : -1.0);
    matrix.values.push_back(round_to_format(matrix.format, x));
  }
  return matrix;
}

void report(benchmark::State& state, std::int64_t products) {
  state.counters["products/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(products),
                         benchmark::Counter::kIsRate);
}

void gemm(benchmark::State& state, const char* accumulator, const char* format) {
  const FormatMatrix a = random_matrix(format, kRows, kLength);
  const FormatMatrix b = random_matrix(format, kLength, kColumns);
  const LowPrecisionGemm product(parse_accumulator(accumulator), a, b);
  std::vector<float> d(static_cast<std::size_t>(kRows * kColumns));
  for (auto _ : state) {
    run_gemm(product, d);
    benchmark::ClobberMemory();
  }
  report(state, kRows * kColumns * kLength);
}

void definition(benchmark::State& state, const char* accumulator, const char* format) {
  const FormatMatrix a = random_matrix(format, 1, kLength);
  const FormatMatrix b = random_matrix(format, kLength, 1);
  const Accumulator parsed = parse_accumulator(accumulator);
  for (auto _ : state) {
    benchmark::DoNotOptimize(dot(parsed, {a.format, a.values}, {b.format, b.values}));
  }
  report(state, kLength);
}

BENCHMARK_CAPTURE(gemm, hopper_fp8, "hopper-fp8", "e4m3fn")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, blackwell_fp8, "blackwell-fp8", "e5m2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, ada_fp8, "ada-fp8", "e4m3fn")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, hopper_fp16, "hopper-fp16", "fp16")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, ampere_fp16, "ampere-fp16", "bf16")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, volta_fp16, "volta-fp16", "fp16")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, fp32, "fp32", "e5m2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, fp16, "fp16", "e4m3fn")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, chunk, "chunk:64:e6m9:fp32", "e5m2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gemm, exact, "exact", "e5m2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(definition, hopper_fp8, "hopper-fp8", "e4m3fn");
BENCHMARK_CAPTURE(definition, fp32, "fp32", "e5m2");
BENCHMARK_CAPTURE(definition, exact, "exact", "e5m2");

}  // namespace
}  // namespace gradpath
