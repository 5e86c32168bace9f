#include "sim/datapath/config.hpp"

#include <charconv>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

void require(std::string_view option, std::uint64_t value, std::uint64_t least,
             std::uint64_t most) {
  if (value >= least && value <= most) return;
  throw UserError(fmt::format("--{} is {}, expected {} to {}", option, value, least, most));
}

bool read(std::string_view text, std::uint32_t& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc{} && result.ptr == end;
}

}  // namespace

void validate(const DatapathConfig& config) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 40;
  require("array (rows)", config.array_rows, 1, 4096);
  require("array (columns)", config.array_columns, 1, 4096);
  require("lanes", config.lanes, 1, 4096);
  require("burst-beats", config.burst_beats, 1, 4096);
  require("fifo-depth", config.fifo_depth, 1, 4096);
  require("dram-bytes-per-cycle", config.dram_bytes_per_cycle, 1, 1 << 20);
  require("dram-burst-bytes", config.dram_burst_bytes, 1, 1 << 30);
  require("gradient-buffer-bytes", config.gradient_buffer_bytes, 16, kMaxBytes);
  require("operand-buffer-bytes", config.operand_buffer_bytes, 16, kMaxBytes);
  require("accumulator-buffer-bytes", config.accumulator_buffer_bytes, 0, kMaxBytes);
  require("drain-sums", config.drain_sums, 0, 1 << 24);
  if (!config.dataflow->skips && config.dispatch->skips()) {
    throw UserError(
        fmt::format("dispatch {} needs sums that stay and operands that are broadcast, expected "
                    "dense with the dataflow {}",
                    config.dispatch->name(), config.dataflow->name));
  }
  static_cast<void>(config.dispatch->tile_columns(config.array_columns));
  validate(config.energy);
}

void parse_array(std::string_view text, DatapathConfig& config) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos || !read(text.substr(0, cross), config.array_rows) ||
      !read(text.substr(cross + 1), config.array_columns) || config.array_rows == 0 ||
      config.array_columns == 0) {
    throw UserError(fmt::format("`array` is '{}', expected ROWSxCOLUMNS, as in 16x16", text));
  }
}

}  // namespace gradpath
