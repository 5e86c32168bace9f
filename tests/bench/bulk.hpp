#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

// What the benchmarks of bulk kernels share: the inputs, the figures, and memcpy as the measure.
namespace gradpath::bench {

inline constexpr std::size_t kCount = std::size_t{1} << 24;

// Lognormal magnitudes with random signs, as gradients have them (seed fixed).
inline const std::vector<float>& inputs() {
  static const std::vector<float> values = [] {
    std::mt19937 random(2006);
    std::normal_distribution<float> log_magnitude(-3.0f, 2.0f);
    std::vector<float> made(kCount);
    for (auto& x : made) x = std::exp(log_magnitude(random)) * (random() % 2 == 0 ? 1.0f : -1.0f);
    return made;
  }();
  return values;
}

inline void report(benchmark::State& state, std::size_t bytes_per_element) {
  const auto elements = static_cast<double>(state.iterations()) * static_cast<double>(kCount);
  state.SetBytesProcessed(static_cast<std::int64_t>(elements) *
                          static_cast<std::int64_t>(bytes_per_element));
  state.counters["ns_per_element"] = benchmark::Counter(
      elements * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Reads and writes `bytes_per_element` in total, half each: the same traffic as a cast.
inline void memcpy_same_bytes(benchmark::State& state) {
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

}  // namespace gradpath::bench
