// One pass into a profile against memcpy of the tensor, and a sweep of 1,000 points from a profile;
// 2^24 floats, one core. CPU time, so that a busy machine disturbs little.
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/format/formats.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/profile/profile_table.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kCount = std::size_t{1} << 24;

enum class Data { dense, half_zeros, bfloat16 };

std::vector<float> make_inputs(Data data) {
  std::mt19937 random(2006);
  std::normal_distribution<float> log_magnitude(-9.0f, 2.0f);
  std::vector<float> made(kCount);
  for (auto& x : made) {
    x = std::exp(log_magnitude(random)) * (random() % 2 == 0 ? 1.0f : -1.0f);
    if (data == Data::half_zeros && random() % 2 == 0) x = 0.0f;
    if (data == Data::bfloat16) {
      x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
    }
  }
  return made;
}

void report(benchmark::State& state) {
  state.counters["ns_per_element"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kCount * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void memcpy_tensor(benchmark::State& state) {
  const auto source = make_inputs(Data::dense);
  std::vector<float> target(kCount);
  for (auto _ : state) {
    std::memcpy(target.data(), source.data(), kCount * sizeof(float));
    benchmark::ClobberMemory();
  }
  report(state);
}

void profile(benchmark::State& state, Data data) {
  const auto values = make_inputs(data);
  ProfileBuilder builder;
  for (auto _ : state) {
    builder.add(values);
    benchmark::DoNotOptimize(builder.take());
  }
  report(state);
}

// The table is made from the profile inside the clock, as `sweep` does.
void sweep_1000_points(benchmark::State& state) {
  const Profile made = profile_tensor(make_inputs(Data::half_zeros));
  std::vector<Format> formats;
  for (const auto& name : parse_format_list("e{2..6}m{1..5}f"))
    formats.push_back(parse_format(name));
  const std::vector<Rounding> roundings = {parse_rounding("rne"), parse_rounding("rtz"),
                                           parse_rounding("rto"), parse_rounding("sr")};
  std::size_t points = 0;
  for (auto _ : state) {
    points = 0;
    const ProfileTable table(made);
    for (const Format& format : formats) {
      for (const Rounding& rounding : roundings) {
        for (int scale = 0; scale < 10; ++scale) {
          const auto answer = table.measure(format, {rounding, Overflow::saturate}, scale);
          benchmark::DoNotOptimize(answer.measures.mse);
          points += answer.refusal.empty() ? 1u : 0u;
        }
      }
    }
  }
  state.counters["points/s"] = benchmark::Counter(static_cast<double>(points),
                                                  benchmark::Counter::kIsIterationInvariantRate);
  state.counters["buckets"] = static_cast<double>(made.buckets().size());
}

BENCHMARK(memcpy_tensor)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(profile, dense, Data::dense)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(profile, half_zeros, Data::half_zeros)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(profile, bfloat16, Data::bfloat16)->Unit(benchmark::kMillisecond);
BENCHMARK(sweep_1000_points)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
