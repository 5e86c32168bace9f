// The full fit with its five KS distances (sorting included), the generalised law, and synthetic
// elements; 2^24 floats, one core.
#include <vector>

#include <benchmark/benchmark.h>

#include "models/stats/fit.hpp"
#include "models/stats/generalised.hpp"
#include "models/synth/variates.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kCount = std::size_t{1} << 24;

std::vector<float> make_inputs() {
  std::vector<float> made(kCount);
  synth::fill({synth::Distribution::Kind::lognormal, -9.0, 2.0, 0.0}, Seed{1}, 0, made);
  return made;
}

void report(benchmark::State& state) {
  state.counters["elements/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kCount, benchmark::Counter::kIsRate);
}

void fit(benchmark::State& state) {
  const auto values = make_inputs();
  for (auto _ : state) benchmark::DoNotOptimize(fit_tensor(values));
  report(state);
}

void generalised(benchmark::State& state) {
  const auto values = make_inputs();
  const SortedMagnitudes sorted(values);
  for (auto _ : state) benchmark::DoNotOptimize(fit_generalised(sorted));
  report(state);
}

void synthetic(benchmark::State& state, synth::Distribution::Kind kind) {
  std::vector<float> out(kCount);
  for (auto _ : state) {
    synth::fill({kind, -9.0, 2.0, 0.0}, Seed{1}, 0, out);
    benchmark::ClobberMemory();
  }
  report(state);
}

BENCHMARK(fit)->Unit(benchmark::kMillisecond);
BENCHMARK(generalised)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(synthetic, lognormal, synth::Distribution::Kind::lognormal)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(synthetic, laplace, synth::Distribution::Kind::laplace)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
