#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gradpath {

/// How an address is cut, from the top bits down.
enum class AddressMapping : std::uint8_t {
  bgi,  ///< row, bank, column, bank group: neighbouring bursts in different bank groups
  rbc,  ///< row, bank, bank group, column
  brc,  ///< bank group, bank, row, column: neighbouring rows in the same bank
};

/// Reads bgi, rbc or brc; else UserError.
[[nodiscard]] AddressMapping parse_address_mapping(std::string_view text);
[[nodiscard]] std::string_view address_mapping_name(AddressMapping mapping);

/// One channel of a DRAM. Times are in ticks of its clock, from the start of a command to the start
/// of the next unless the comment says otherwise.
struct DramTiming {
  std::string_view name;
  double tick_ns;
  std::uint32_t burst_bytes;
  int burst;  ///< ticks of data
  std::uint32_t bank_groups;
  std::uint32_t banks_of_group;
  std::uint32_t row_bytes;
  std::uint32_t rows;
  AddressMapping mapping;  ///< where the user chooses none
  int column_short;        ///< column commands of one direction, other bank group (CCD_S)
  int column_long;         ///< the same bank group (CCD_L)
  int read_latency;        ///< read command to its first data
  int write_latency;       ///< write command to its first data
  int row_to_read;         ///< RCD
  int row_to_write;        ///< RCD
  int precharge;           ///< RP, of one bank
  int precharge_all;       ///< RP, of all banks
  int row_active;          ///< RAS
  int row_cycle;           ///< RC
  int activate_short;      ///< RRD_S
  int activate_long;       ///< RRD_L
  int four_activates;      ///< FAW
  int read_to_precharge;   ///< RTP
  int write_to_precharge;  ///< write latency, burst and WR
  int read_to_write;
  int write_to_read_short;  ///< write latency, burst and WTR_S
  int write_to_read_long;   ///< the same bank group
  int refresh_interval;     ///< REFI
  int refresh;              ///< RFC
  int column_command;       ///< ticks that a command holds its bus
  int activate_command;
  int precharge_command;
  bool row_bus;  ///< activates and precharges have a command bus of their own
};

/// The memories that there are; docs/microarchitecture.md names the sources. One more is a row.
[[nodiscard]] std::span<const DramTiming> dram_timings();

}  // namespace gradpath
