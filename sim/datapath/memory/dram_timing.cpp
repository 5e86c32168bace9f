#include "sim/datapath/memory/dram_timing.hpp"

#include <array>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::array<std::string_view, 3> kMappings = {"bgi", "rbc", "brc"};

constexpr std::array kTimings = {
    // A DIMM of eight x8 8 Gb chips, JEDEC's speed bin 3200AA.
    DramTiming{.name = "ddr4-3200",
               .tick_ns = 0.625,
               .burst_bytes = 64,
               .burst = 4,
               .bank_groups = 4,
               .banks_of_group = 4,
               .row_bytes = 8192,
               .rows = 65536,
               .mapping = AddressMapping::bgi,
               .column_short = 4,
               .column_long = 8,
               .read_latency = 22,
               .write_latency = 16,
               .row_to_read = 22,
               .row_to_write = 22,
               .precharge = 22,
               .precharge_all = 22,
               .row_active = 52,
               .row_cycle = 74,
               .activate_short = 4,
               .activate_long = 8,
               .four_activates = 34,
               .read_to_precharge = 12,
               .write_to_precharge = 44,
               .read_to_write = 12,
               .write_to_read_short = 24,
               .write_to_read_long = 32,
               .refresh_interval = 12480,
               .refresh = 576,
               .column_command = 1,
               .activate_command = 1,
               .precharge_command = 1,
               .row_bus = false},
    // One channel of 16 bits, 8 Gb; the commands take several ticks of the narrow bus.
    DramTiming{.name = "lpddr4-3200",
               .tick_ns = 0.625,
               .burst_bytes = 32,
               .burst = 8,
               .bank_groups = 1,
               .banks_of_group = 8,
               .row_bytes = 2048,
               .rows = 65536,
               .mapping = AddressMapping::rbc,
               .column_short = 8,
               .column_long = 8,
               .read_latency = 37,
               .write_latency = 20,
               .row_to_read = 29,
               .row_to_write = 29,
               .precharge = 27,
               .precharge_all = 32,
               .row_active = 68,
               .row_cycle = 97,
               .activate_short = 16,
               .activate_long = 16,
               .four_activates = 64,
               .read_to_precharge = 18,
               .write_to_precharge = 57,
               .read_to_write = 30,
               .write_to_read_short = 39,
               .write_to_read_long = 39,
               .refresh_interval = 6246,
               .refresh = 448,
               .column_command = 4,
               .activate_command = 4,
               .precharge_command = 2,
               .row_bus = false},
    // One pseudo-channel of 64 bits at 2 Gb/s a pin.
    DramTiming{.name = "hbm2",
               .tick_ns = 1.0,
               .burst_bytes = 32,
               .burst = 2,
               .bank_groups = 4,
               .banks_of_group = 4,
               .row_bytes = 1024,
               .rows = 32768,
               .mapping = AddressMapping::bgi,
               .column_short = 2,
               .column_long = 3,
               .read_latency = 18,
               .write_latency = 7,
               .row_to_read = 13,
               .row_to_write = 7,
               .precharge = 13,
               .precharge_all = 13,
               .row_active = 28,
               .row_cycle = 42,
               .activate_short = 4,
               .activate_long = 6,
               .four_activates = 16,
               .read_to_precharge = 5,
               .write_to_precharge = 23,
               .read_to_write = 18,
               .write_to_read_short = 13,
               .write_to_read_long = 18,
               .refresh_interval = 3900,
               .refresh = 220,
               .column_command = 1,
               .activate_command = 2,
               .precharge_command = 1,
               .row_bus = true},
};

}  // namespace

AddressMapping parse_address_mapping(std::string_view text) {
  for (std::size_t i = 0; i < kMappings.size(); ++i) {
    if (kMappings[i] == text) return static_cast<AddressMapping>(i);
  }
  throw UserError(fmt::format("unknown address mapping '{}', expected bgi, rbc or brc", text));
}

std::string_view address_mapping_name(AddressMapping mapping) {
  return kMappings[static_cast<std::size_t>(mapping)];
}

std::span<const DramTiming> dram_timings() { return kTimings; }

}  // namespace gradpath
