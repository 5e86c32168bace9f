// An exact threshold against memcpy of the tensor, and what each policy costs; 2^24 floats, one
// core. CPU time, so that a busy machine disturbs little.
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/prune/policy.hpp"
#include "models/prune/threshold.hpp"
#include "tests/bench/bulk.hpp"

namespace gradpath {
namespace {

using bench::kCount;

enum class Data { dense, half_zeros, bfloat16, one_bucket };

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
    if (data == Data::one_bucket) x = 1.0f + std::fabs(x) * 1e-4f;
  }
  return made;
}

void memcpy_tensor(benchmark::State& state) {
  const auto source = make_inputs(Data::dense);
  std::vector<float> target(kCount);
  for (auto _ : state) {
    std::memcpy(target.data(), source.data(), kCount * sizeof(float));
    benchmark::ClobberMemory();
  }
  bench::report(state, 8);
}

// From the bare tensor: the table, and the solution in it.
void threshold(benchmark::State& state, Data data) {
  const auto values = make_inputs(data);
  for (auto _ : state) {
    MagnitudeTable table(values);
    benchmark::DoNotOptimize(exact_threshold(table, 0.9));
  }
  bench::report(state, 4);
}

// The definition, which sorts.
void threshold_by_sorting(benchmark::State& state) {
  const auto values = make_inputs(Data::dense);
  for (auto _ : state) {
    const SortedMagnitudes sorted(values);
    benchmark::DoNotOptimize(exact_threshold(sorted, 0.9));
  }
  bench::report(state, 4);
}

// A tensor each: what `prune` does on several.
void tensors_threshold(benchmark::State& state) {
  static const auto values = make_inputs(Data::dense);
  for (auto _ : state) {
    MagnitudeTable table(values);
    benchmark::DoNotOptimize(exact_threshold(table, 0.9));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kCount));
}

// Plan and apply from the bare tensor.
void policy(benchmark::State& state, const char* specification) {
  const auto values = make_inputs(Data::dense);
  const PrunePolicyPtr made = parse_prune_policy(specification);
  const PruneOptions options{.target_sparsity = 0.9};
  std::vector<float> out(kCount);
  for (auto _ : state) {
    PruneInput input(values, {.examples = 64, .kind = TensorKind::gradient});
    const PrunePlan plan = made->plan(input, options);
    input.source().visit(
        [&](std::uint64_t first, std::span<const float> in) {
          made->apply(plan, options, first, in, std::span(out).subspan(first, in.size()));
        },
        piece_size(plan));
    benchmark::ClobberMemory();
  }
  bench::report(state, 8);
}

BENCHMARK(memcpy_tensor)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(threshold, dense, Data::dense)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(threshold, half_zeros, Data::half_zeros)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(threshold, bfloat16, Data::bfloat16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(threshold, one_bucket, Data::one_bucket)->Unit(benchmark::kMillisecond);
BENCHMARK(threshold_by_sorting)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(tensors_threshold)->Unit(benchmark::kMillisecond)->UseRealTime()->ThreadRange(1, 2);
BENCHMARK_CAPTURE(policy, stochastic, "stochastic")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, topk, "topk")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, topk_example, "topk:example")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, ye, "ye")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, dithered, "dithered")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, hard, "hard")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, random, "random")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, swat, "swat")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(policy, nm_2_4, "nm:2:4")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gradpath
