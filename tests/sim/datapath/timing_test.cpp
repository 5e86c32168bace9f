// How long things take: the closed form of docs/microarchitecture.md, the bounds, the counters.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "sim/datapath/dataflow/plan.hpp"
#include "sim/datapath/replay/checks.hpp"
#include "tests/sim/datapath/random_layer.hpp"

namespace gradpath::test {
namespace {

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

const ModuleStats& module(const GemmReport& report, std::string_view name) {
  return *std::find_if(report.modules.begin(), report.modules.end(),
                       [&](const ModuleStats& m) { return m.module == name; });
}

TEST(DenseTiming, EqualsTheClosedForm) {
  // With memory that is never the limit, a front end faster than the array and drains shorter than
  // a pass: the first panel's way through the front end, all passes, the last drain and write.
  std::mt19937_64 random(test_seed());
  int compared = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const auto draw = [&](std::int64_t low, std::int64_t high) {
      return std::uniform_int_distribution<std::int64_t>(low, high)(random);
    };
    const std::int64_t m = draw(1, 100);
    const std::int64_t n = draw(64, 200);
    const std::int64_t k = draw(16, 90);
    const DatapathConfig config{.array_rows = static_cast<std::uint32_t>(draw(1, 16)),
                                .array_columns = static_cast<std::uint32_t>(draw(1, 16)),
                                .lanes = 16,
                                .burst_beats = static_cast<std::uint32_t>(draw(1, 8)),
                                .dram_bytes_per_cycle = 1 << 20,
                                .dram_burst_bytes = 1 << 20,
                                .dispatch = parse_dispatch("dense")};
    Layer layer = lognormal_layer(linear_shape(m, n, k), random);
    Datapath datapath(config);
    const GemmReport report =
        replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);

    const auto rows = static_cast<std::int64_t>(config.array_rows);
    const auto panels = ceil_div(static_cast<std::uint64_t>(m), config.array_rows);
    const auto tiles = ceil_div(static_cast<std::uint64_t>(n), config.array_columns);
    const auto first_panel = static_cast<std::uint64_t>(std::min(m, rows) * k);
    const auto last_rows = static_cast<std::uint64_t>((m - 1) % rows + 1);
    const auto last_columns = static_cast<std::uint64_t>((n - 1) % config.array_columns + 1);
    const std::uint64_t drain = ceil_div(last_rows * last_columns, config.array_columns);
    // A cycle of DRAM and one in which the burst has arrived; two each in pruner, quantizer and
    // compactor; a beat a cycle; the chunk's last codes, taken in the cycle after its last bits.
    const std::uint64_t fill = 2 + 3 * 2 + ceil_div(first_panel, 16) + 1;
    ASSERT_LE(ceil_div(first_panel, 16) + 2, tiles * static_cast<std::uint64_t>(k));
    EXPECT_EQ(report.cycles, fill + panels * tiles * static_cast<std::uint64_t>(k) + drain + 1)
        << "m " << m << " n " << n << " k " << k << " R " << rows << " C " << config.array_columns
        << " burst " << config.burst_beats << ", " << seed_note();
    EXPECT_EQ(report.dense_cycles, report.cycles);
    EXPECT_EQ(report.macs, static_cast<std::uint64_t>(m * n * k));
    ++compared;
  }
  EXPECT_EQ(compared, 40);
}

// SCALE-Sim's closed forms of an S x S array (Samajdar et al., ISPASS 2020): sums that stay need
// K + 2 S - 2 cycles a tile, weights that stay M + 3 S - 2 a fold. Without skew the 2 S - 2 go.
TEST(Dataflows, HoldTheArrayForTheClosedForms) {
  std::mt19937_64 random(test_seed());
  for (int trial = 0; trial < 40; ++trial) {
    const auto draw = [&](std::uint64_t low, std::uint64_t high) {
      return low + random() % (high - low + 1);
    };
    const std::uint64_t m = draw(1, 120);
    const std::uint64_t n = draw(1, 90);
    const std::uint64_t k = draw(1, 90);
    const std::uint64_t s = draw(1, 16);
    const Layer layer =
        lognormal_layer(linear_shape(static_cast<std::int64_t>(m), static_cast<std::int64_t>(n),
                                     static_cast<std::int64_t>(k)),
                        random);
    const std::uint64_t tiles = ceil_div(m, s) * ceil_div(n, s);
    const std::uint64_t folds = ceil_div(k, s) * ceil_div(n, s);
    for (const auto& [name, busy] : {std::pair{"output-stationary", tiles * k},
                                     std::pair{"systolic-os", tiles * (k + 2 * s - 2)},
                                     std::pair{"weight-stationary", folds * (m + s)},
                                     std::pair{"systolic-ws", folds * (m + 3 * s - 2)}}) {
      Datapath datapath(DatapathConfig{.array_rows = static_cast<std::uint32_t>(s),
                                       .array_columns = static_cast<std::uint32_t>(s),
                                       .dram_bytes_per_cycle = 1 << 20,
                                       .dram_burst_bytes = 1 << 20,
                                       .gradient_buffer_bytes = 1 << 20,
                                       .dataflow = &find_dataflow(name),
                                       .dispatch = parse_dispatch("dense")});
      const GemmReport r =
          replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);
      EXPECT_EQ(module(r, "mac_array").busy, busy) << name << ", " << seed_note();
      EXPECT_EQ(r.macs, m * n * k) << name;
      EXPECT_EQ(r.cycles, r.dense_cycles) << name;
    }
  }
}

TEST(Dataflows, GiveTheSameBytesWhateverStays) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(linear_shape(300, 40, 70), random);
  for (const Dataflow& dataflow : dataflows()) {
    // A bank of 512 bytes holds 28 rows of 16 positions: weights that stay see eleven panels.
    Datapath datapath(DatapathConfig{
        .gradient_buffer_bytes = 1024, .dataflow = &dataflow, .dispatch = parse_dispatch("dense")});
    const GemmReport r =
        replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);
    EXPECT_EQ(r.bytes_read, 300u * 70 * 4 + 70 * 40) << dataflow.name;
    EXPECT_EQ(r.bytes_written, 300u * 40 * 4) << dataflow.name;
  }
  EXPECT_THROW(static_cast<void>(find_dataflow("row-stationary")), UserError);
  EXPECT_THROW(validate(DatapathConfig{.dataflow = &find_dataflow("systolic-os")}), UserError);
}

// The way out of the array is the limit of short products: twice as wide, half as long.
TEST(Drain, BoundsAProductOfFewPositions) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(linear_shape(512, 64, 4), random);
  const auto run = [&](std::uint32_t sums) {
    Datapath datapath(DatapathConfig{
        .dram_bytes_per_cycle = 1 << 16, .dram_burst_bytes = 1 << 16, .drain_sums = sums});
    return replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);
  };
  const GemmReport narrow = run(0);
  const GemmReport wide = run(256);
  EXPECT_EQ(narrow.drain_bound, 512u * 64 / 16);
  EXPECT_EQ(wide.drain_bound, 512u * 64 / 256);
  EXPECT_GE(narrow.cycles, narrow.drain_bound);
  EXPECT_LE(narrow.cycles, narrow.drain_bound + 100);
  EXPECT_LT(wide.cycles, narrow.cycles / 2);
}

TEST(Bounds, AreNeverBeatenAndCountersAddUp) {
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> uniform;
  int runs = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const Layer layer = lognormal_layer(random_shape(random), random, uniform(random));
    const float alpha = trial % 2 == 0 ? 0.0f : static_cast<float>(uniform(random) * 1e-3);
    const DatapathConfig config = random_config(random);
    Datapath datapath(config);
    const std::uint64_t multipliers = std::uint64_t{config.array_rows} * config.array_columns;
    for (const GemmKind kind : kBothKinds) {
      const GemmReport r = replay_gemm(datapath, default_numerics(), layer.tensors(alpha), kind);
      const double nonzeros = r.density * static_cast<double>(r.m * r.k * r.groups);
      const double products = nonzeros * static_cast<double>(r.n);
      if (!config.dispatch->is_two_sided()) {
        EXPECT_NEAR(static_cast<double>(r.compute_bound),
                    std::ceil(products / static_cast<double>(multipliers) - 1e-9), 1.0)
            << seed_note();
      }
      // Every gradient element once, every output byte once: no machine can do with less.
      const std::uint64_t outputs = static_cast<std::uint64_t>(kind == GemmKind::input_gradient
                                                                   ? layer.shape.input_elements()
                                                                   : layer.shape.weight_elements());
      EXPECT_GE(r.memory_bound,
                ceil_div((layer.gradient.size() + outputs) * 4, config.dram_bytes_per_cycle))
          << seed_note();
      EXPECT_GE(r.cycles, r.compute_bound) << seed_note();
      EXPECT_GE(r.cycles, r.memory_bound) << seed_note();
      EXPECT_LE(r.utilization, 1.0) << seed_note();
      for (const ModuleStats& m : r.modules) {
        EXPECT_EQ(m.busy + m.stalled_in + m.stalled_out + m.idle, r.cycles)
            << m.module << ", " << seed_note();
      }
      if (config.dispatch->name().starts_with("row-skip")) {
        EXPECT_LE(module(r, "mac_array").busy, r.dense_cycles) << seed_note();
      }
      ++runs;
    }
  }
  EXPECT_EQ(runs, 120);
}

TEST(BackPressure, SlowMemoryMakesAProductMemoryBoundAndFastMemoryComputeBound) {
  std::mt19937_64 random(test_seed());
  const ConvShape shape{.batch = 2,
                        .inputs = 32,
                        .outputs = 32,
                        .in_size = {16, 16},
                        .kernel = {3, 3},
                        .padding = {1, 1}};
  const Layer layer = lognormal_layer(shape, random);
  Datapath slow(DatapathConfig{.dram_bytes_per_cycle = 1});
  const auto a = replay_gemm(slow, default_numerics(), layer.tensors(), GemmKind::input_gradient);
  EXPECT_GT(a.memory_bound, a.compute_bound);
  EXPECT_LE(static_cast<double>(a.cycles), 1.05 * static_cast<double>(a.memory_bound));
  EXPECT_GT(module(a, "mac_array").stalled_in + module(a, "mac_array").stalled_out, a.cycles / 2);
  EXPECT_GT(module(a, "dram").busy, a.cycles * 9 / 10);

  Datapath fast(DatapathConfig{.dram_bytes_per_cycle = 4096, .dispatch = parse_dispatch("dense")});
  const auto b = replay_gemm(fast, default_numerics(), layer.tensors(), GemmKind::input_gradient);
  EXPECT_GT(module(b, "mac_array").busy, b.cycles * 9 / 10);
  EXPECT_GT(module(b, "gradient_buffer").stalled_out, 0u);
  EXPECT_LT(b.cycles, a.cycles);
}

TEST(Skipping, IsFasterThanDenseWithZerosAndMultipliesNonzerosOnly) {
  std::mt19937_64 random(test_seed());
  const ConvShape shape{.batch = 2,
                        .inputs = 32,
                        .outputs = 64,
                        .in_size = {12, 12},
                        .kernel = {3, 3},
                        .padding = {1, 1}};
  const Layer layer = lognormal_layer(shape, random, 0.8);
  const auto zeros =
      static_cast<std::uint64_t>(std::count(layer.gradient.begin(), layer.gradient.end(), 0.0f));
  const std::uint64_t nonzeros = layer.gradient.size() - zeros;
  // At 80 % zeros TensorDash with 16 streams reaches 2.23, and short streams less.
  for (const auto& [name, speed_up] :
       {std::pair{"row-skip:64", 2.5}, std::pair{"tensordash", 1.6}}) {
    // fp32 codes flush nothing, so the zeros are those of the tensor.
    ReplayNumerics numerics = default_numerics();
    numerics.gradient_format = parse_format("fp32");
    numerics.gradient_scale = {};
    Datapath datapath(
        DatapathConfig{.gradient_buffer_bytes = 1 << 20, .dispatch = parse_dispatch(name)});
    const auto r = replay_gemm(datapath, numerics, layer.tensors(), GemmKind::input_gradient);
    EXPECT_GT(static_cast<double>(r.dense_cycles), speed_up * static_cast<double>(r.cycles))
        << name;
    EXPECT_EQ(r.macs, nonzeros * r.n) << name;
  }
}

TEST(Chunks, SmallBuffersCostTrafficAndTimeButKeepTheSums) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(linear_shape(600, 64, 40), random);
  Datapath large(DatapathConfig{.operand_buffer_bytes = 1 << 20});
  Datapath small(DatapathConfig{
      .gradient_buffer_bytes = 2560, .operand_buffer_bytes = 16384, .accumulator_buffer_bytes = 0});
  const auto a = replay_gemm(large, default_numerics(), layer.tensors(), GemmKind::weight_gradient);
  const auto b = replay_gemm(small, default_numerics(), layer.tensors(), GemmKind::weight_gradient);
  EXPECT_EQ(a.bytes_read, 600u * 40 * 4 + 600 * 64);
  EXPECT_EQ(a.bytes_written, 64u * 40 * 4);
  // 3 panels of 16 rows refetch the input; chunks of 64 (1280 bytes a bank, 16 x 9 bits a position)
  // make 10 a panel, whose sums cross DRAM 9 times each way.
  const std::uint64_t spilled = 9 * 64 * 40 * 4;
  EXPECT_EQ(b.bytes_read, 600u * 40 * 4 + 600 * 64 * 3 + spilled);
  EXPECT_EQ(b.bytes_written, 64u * 40 * 4 + spilled);
  EXPECT_GT(b.cycles, a.cycles);
  EXPECT_EQ(a.result, b.result);
}

TEST(Checks, RejectARunWhoseNumbersDoNotAddUp) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(linear_shape(40, 20, 30), random);
  const ReplayNumerics numerics = default_numerics();
  const LayerTensors tensors = layer.tensors();
  const StochasticPruner pruner(0.0f);
  const Quantizer quantizer(numerics.gradient_format, {});
  const GemmWork work{.demand = group_demand(tensors, GemmKind::input_gradient, numerics),
                      .gradient = {.values = layer.gradient,
                                   .shape = &layer.shape,
                                   .group = 0,
                                   .kind = GemmKind::input_gradient},
                      .pruner = &pruner,
                      .quantizer = &quantizer,
                      .gradient_scale = 1e4f,
                      .prune_seed = {},
                      .quantize_seed = {}};
  const DatapathConfig config;
  Datapath datapath(config);
  const GemmRun good = datapath.run(work);
  const GemmPlan plan = make_plan(work.demand, config, *config.dispatch);
  EXPECT_NO_THROW(check_run(good, plan, *config.dispatch, work));
  const auto expect_fault = [&](auto tamper) {
    GemmRun bad = good;
    tamper(bad);
    EXPECT_THROW(check_run(bad, plan, *config.dispatch, work), SimulationFault);
  };
  for (std::size_t i = 0; i < good.modules.size(); ++i) {
    expect_fault([&](GemmRun& run) { ++run.modules[i].busy; });
    expect_fault([&](GemmRun& run) { ++run.modules[i].idle; });
  }
  for (std::size_t i = 2; i <= 5; ++i) {
    expect_fault([&](GemmRun& run) { --run.modules[i].elements_in; });
    expect_fault([&](GemmRun& run) { ++run.modules[i].elements_out; });
    expect_fault([&](GemmRun& run) { ++run.modules[i].beats; });
  }
  expect_fault([](GemmRun& run) { ++run.macs; });
  expect_fault([](GemmRun& run) { --run.dram_bytes_read; });
  expect_fault([](GemmRun& run) { ++run.dram_bytes_written; });
  expect_fault([](GemmRun& run) { ++run.passes; });
}

TEST(Plan, CutsCoverTheProductExactly) {
  std::mt19937_64 random(test_seed());
  for (int trial = 0; trial < 200; ++trial) {
    const auto draw = [&](std::uint64_t high) { return 1 + random() % high; };
    const GemmDemand demand{.m = draw(500),
                            .n = draw(500),
                            .k = draw(5000),
                            .gradient_bytes = 4,
                            .operand_bytes = draw(1 << 21),
                            .output_bytes = 4};
    const DatapathConfig config = random_config(random);
    const GemmPlan plan = make_plan(demand, config, *config.dispatch);
    std::uint64_t products = 0;
    std::uint64_t sums = 0;
    std::uint64_t elements = 0;
    std::uint64_t operand = 0;
    std::uint64_t output = 0;
    Pass last;
    plan.walk(nullptr, [&](const Pass& pass) {
      products += pass.a_elements() * pass.columns;
      if (pass.ends_sums) sums += pass.sums();
      if (pass.loads_a) elements += pass.a_elements();
      if (pass.loads_b) operand += pass.b_bytes;
      if (pass.ends_sums) output += pass.d_bytes;
      last = pass;
    });
    EXPECT_EQ(products, demand.m * demand.n * demand.k) << seed_note();
    EXPECT_EQ(sums, demand.m * demand.n) << seed_note();
    EXPECT_EQ(elements, demand.m * demand.k) << seed_note();
    EXPECT_EQ(operand, demand.operand_bytes * (plan.operand_resident ? 1 : plan.panels));
    EXPECT_EQ(output, demand.output_bytes) << seed_note();
    EXPECT_TRUE(last.drops_a && last.ends_sums && last.ends_panel) << seed_note();
    EXPECT_EQ(last.m + last.rows, demand.m) << seed_note();
    EXPECT_EQ(last.k + last.depth, demand.k) << seed_note();
    EXPECT_EQ(last.n + last.columns, demand.n) << seed_note();
    std::uint64_t bytes = 0;
    const std::uint64_t parts = draw(1000);
    for (std::uint64_t i = 0; i < parts; ++i) bytes += share(demand.operand_bytes, i, parts);
    EXPECT_EQ(bytes, demand.operand_bytes) << seed_note();
  }
}

TEST(Plan, BufferThatHoldsNoWindowIsAUserError) {
  const GemmDemand demand{
      .m = 100, .n = 100, .k = 1000, .gradient_bytes = 4, .operand_bytes = 100, .output_bytes = 4};
  DatapathConfig config{.gradient_buffer_bytes = 64};
  EXPECT_THROW(static_cast<void>(make_plan(demand, config, *config.dispatch)), UserError);
}

TEST(Config, FieldsOutOfRangeAreUserErrors) {
  EXPECT_THROW(validate(DatapathConfig{.array_rows = 0}), UserError);
  EXPECT_THROW(validate(DatapathConfig{.lanes = 0}), UserError);
  EXPECT_THROW(validate(DatapathConfig{.dram_bytes_per_cycle = 0}), UserError);
  EXPECT_THROW(validate(DatapathConfig{.energy = {.accumulate_pj = -1}}), UserError);
  EXPECT_THROW(
      validate(DatapathConfig{.array_columns = 24, .dispatch = parse_dispatch("tensordash")}),
      UserError);
  EXPECT_NO_THROW(validate(DatapathConfig{}));
  DatapathConfig config;
  parse_array("8x32", config);
  EXPECT_EQ(config.array_rows, 8u);
  EXPECT_EQ(config.array_columns, 32u);
  for (const char* text : {"", "8", "8x", "x8", "8x8x8", "-1x4", "8 x 8"}) {
    EXPECT_THROW(parse_array(text, config), UserError) << text;
  }
}

TEST(Energy, ChargesEachEventAtItsPrice) {
  const Format e5m2 = parse_format("e5m2");
  const Format e4m3 = parse_format("e4m3fn");
  const Format fp16 = parse_format("fp16");
  const Format fp32 = parse_format("fp32");
  const EnergyTable table;
  EXPECT_DOUBLE_EQ(mac_energy_pj(table, e5m2, e4m3), 0.2 + 0.9);
  EXPECT_DOUBLE_EQ(mac_energy_pj(table, fp16, fp16), 1.1 + 0.9);
  EXPECT_DOUBLE_EQ(mac_energy_pj(table, fp32, fp32), 3.7 + 0.9);
  const EnergyEvents events{.macs = 10,
                            .pruned_elements = 20,
                            .quantized_elements = 30,
                            .sram_bytes = 40,
                            .dram_bytes = 50};
  EXPECT_DOUBLE_EQ(energy_pj(table, events, e5m2, e4m3),
                   10 * 1.1 + 20 * 0.2 + 30 * 0.1 + 40 * 1.25 + 50 * 162.5);
}

TEST(TimelineFile, IsJsonWhoseIntervalsAddUpToTheBusyCycles) {
  std::mt19937_64 random(test_seed());
  const Layer layer = lognormal_layer(linear_shape(60, 40, 30), random);
  Datapath datapath(DatapathConfig{});
  Timeline timeline;
  datapath.set_timeline(&timeline);
  timeline.begin("layer dX");
  const auto report =
      replay_gemm(datapath, default_numerics(), layer.tensors(), GemmKind::input_gradient);
  std::ostringstream text;
  timeline.write(text);
  const auto document = nlohmann::json::parse(text.str());
  std::map<int, std::string> names;
  std::map<std::string, std::uint64_t> busy;
  for (const auto& event : document["traceEvents"]) {
    if (event["ph"] == "M") names[event["tid"].get<int>()] = event["args"]["name"];
    if (event["ph"] == "X")
      busy[names.at(event["tid"].get<int>())] += event["dur"].get<std::uint64_t>();
  }
  ASSERT_EQ(busy.size(), 9u);
  for (const auto& [name, cycles] : busy) EXPECT_EQ(cycles, module(report, name).busy) << name;
}

}  // namespace
}  // namespace gradpath::test
