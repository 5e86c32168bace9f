// The DRAM model against other people's simulators, and what holds of any memory.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "sim/datapath/memory/dram_timing.hpp"
#include "sim/datapath/memory/memory_probe.hpp"

namespace gradpath::test {
namespace {

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result;
  std::stringstream text(line);
  for (std::string field; std::getline(text, field, ',');) result.push_back(field);
  return result;
}

/// `map=bgi` of a source's description.
std::string setting(const std::string& source, const std::string& key) {
  const std::size_t at = source.find(key + '=') + key.size() + 1;
  return source.substr(at, source.find(' ', at) - at);
}

std::string preset(const std::string& memory) {
  return memory.starts_with("DDR4")     ? "ddr4-3200"
         : memory.starts_with("LPDDR4") ? "lpddr4-3200"
                                        : "hbm2";
}

// DRAMSys 5.1, every row with a queue of 32 bursts for all banks together; the file names the
// settings of each.
TEST(DramReference, BandwidthWithinFivePercentAndLatencyWithinTen) {
  std::ifstream file(DRAM_REFERENCE);
  std::string line;
  std::getline(file, line);
  ASSERT_EQ(fields(line)[3], "bandwidth_gbps");
  int compared = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> row = fields(line);
    const std::string& source = row[8];
    if (!source.starts_with("DRAMSys") || setting(source, "queue") != "32") continue;
    const auto memory =
        make_memory(preset(row[0]), {.mapping = setting(source, "map"),
                                     .refresh = source.find("NoRefresh") == std::string::npos});
    const MemoryFigures figures = probe_memory(
        *memory, {.pattern = row[1],
                  .param = std::stod(row[2]),
                  .requests = std::stoull(setting(source, "n")),
                  .window = static_cast<std::uint32_t>(std::stoul(setting(source, "window")))});
    const double bandwidth = std::stod(row[3]);
    const double latency = std::stod(row[5]);
    EXPECT_NEAR(figures.bandwidth_gbps, bandwidth, 0.05 * bandwidth) << line;
    EXPECT_NEAR(figures.mean_latency_ns, latency, 0.10 * latency) << line;
    if (row[1].starts_with("seq")) {
      EXPECT_NEAR(figures.row_hit_rate, std::stod(row[7]), 0.005);
    }
    ++compared;
  }
  EXPECT_EQ(compared, 135);
}

// Banks in the top bits of the address: DRAMSys's figures, refresh on, window 32. One row (HBM2)
// decided the order of bank group and bank in this mapping; no timing was fitted to these.
TEST(DramReference, HoldsForTheMappingByBanks) {
  struct Row {
    std::string_view memory, pattern;
    double param, bandwidth;
  };
  for (const Row& row :
       {Row{"ddr4-3200", "seqr", 0, 11.61}, Row{"lpddr4-3200", "seqr", 0, 5.20},
        Row{"hbm2", "seqr", 0, 7.74}, Row{"ddr4-3200", "seqw", 0, 11.24},
        Row{"lpddr4-3200", "seqw", 0, 4.88}, Row{"hbm2", "seqw", 0, 7.09},
        Row{"ddr4-3200", "streams3", 0, 8.33}, Row{"lpddr4-3200", "streams3", 0, 5.05},
        Row{"hbm2", "streams3", 0, 9.19}, Row{"ddr4-3200", "stride", 1024, 6.94},
        Row{"lpddr4-3200", "stride", 1024, 1.92}, Row{"hbm2", "stride", 1024, 1.43},
        Row{"ddr4-3200", "random", 0, 1.32}, Row{"lpddr4-3200", "random", 0, 1.87},
        Row{"hbm2", "random", 0, 9.01}}) {
    const auto memory = make_memory(row.memory, {.mapping = "brc"});
    const MemoryFigures figures =
        probe_memory(*memory, {.pattern = row.pattern, .param = row.param, .requests = 16000});
    EXPECT_NEAR(figures.bandwidth_gbps, row.bandwidth, 0.05 * row.bandwidth)
        << row.memory << ' ' << row.pattern;
  }
}

// Row open: 1 + read latency + burst; closed: and row-to-column; another one open: and precharge.
TEST(Dram, ALoneReadTakesItsCommands) {
  const DramTiming& ddr4 = dram_timings()[0];
  const auto memory = make_memory("ddr4-3200", {.refresh = false});
  const auto latency = [&](std::uint64_t address, MemoryModel::Tick now) {
    memory->push({.id = 1, .address = address, .bytes = 64}, now);
    std::vector<MemoryModel::Response> responses;
    while (responses.empty()) memory->step(responses);
    return static_cast<double>(responses[0].at - now) * ddr4.tick_ns;
  };
  EXPECT_DOUBLE_EQ(latency(0, 0), 30.625);
  EXPECT_DOUBLE_EQ(latency(256, 1000), 16.875);
  EXPECT_DOUBLE_EQ(latency(1 << 20, 2000), 44.375);
}

// Each request is answered once, after it came; a lone user in order of its rows finds each row
// once; an ideal memory's bytes take their time and no more.
TEST(Memories, AnswerEachRequestOnceAndNeverBeatTheirPeak) {
  for (const std::string_view name : {"ddr4-3200", "lpddr4-3200", "hbm2", "ideal:16"}) {
    for (const MemoryPattern& pattern : kMemoryPatterns) {
      const auto memory = make_memory(name);
      const MemoryFigures figures = probe_memory(
          *memory, {.pattern = pattern.name, .param = pattern.fallback, .requests = 3000});
      EXPECT_LE(figures.peak_fraction, 1.0 + 1e-12) << name << ' ' << pattern.name;
      EXPECT_GT(figures.bandwidth_gbps, 0) << name << ' ' << pattern.name;
      EXPECT_GE(figures.mean_latency_ns, 4.0) << name << ' ' << pattern.name;
    }
  }
  const auto ideal = make_memory("ideal:16");
  EXPECT_DOUBLE_EQ(probe_memory(*ideal, {.requests = 1000}).bandwidth_gbps, 16.0);
}

TEST(Memories, AreNamedInTheErrorForAnUnknownOne) {
  for (const std::string_view name : {"ddr5", "ideal:", "ideal:0", "ideal:8x"}) {
    EXPECT_THROW(static_cast<void>(make_memory(name)), UserError) << name;
  }
  EXPECT_THROW(static_cast<void>(make_memory("hbm2", {.mapping = "xyz"})), UserError);
  EXPECT_THROW(static_cast<void>(find_memory_pattern("seq")), UserError);
}

}  // namespace
}  // namespace gradpath::test
