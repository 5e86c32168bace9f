#include "sim/cli/verbs/machine_options.hpp"

#include <array>
#include <limits>
#include <string_view>

#include <fmt/format.h>

namespace gradpath::cli {
namespace {

template <class T>
struct Field {
  std::string_view name;
  T DatapathConfig::*member;
  std::string_view help;
};

constexpr std::array<Field<std::uint32_t>, 4> kCounts{{
    {"lanes", &DatapathConfig::lanes, "elements a cycle in pruner, quantizer and compactor"},
    {"burst-beats", &DatapathConfig::burst_beats, "beats that come from DRAM as one transaction"},
    {"fifo-depth", &DatapathConfig::fifo_depth, "bursts between DRAM and pruner"},
    {"drain-sums", &DatapathConfig::drain_sums,
     "sums that leave the array in a cycle; 0: a row, or one of each group where rows share"},
}};

constexpr std::array<Field<std::uint64_t>, 5> kBytes{{
    {"dram-bytes-per-cycle", &DatapathConfig::dram_bytes_per_cycle, "shared by all traffic"},
    {"dram-burst-bytes", &DatapathConfig::dram_burst_bytes,
     "most bytes that one user moves before another gets its turn"},
    {"gradient-buffer-bytes", &DatapathConfig::gradient_buffer_bytes, "both banks together"},
    {"operand-buffer-bytes", &DatapathConfig::operand_buffer_bytes, "weights or inputs"},
    {"accumulator-buffer-bytes", &DatapathConfig::accumulator_buffer_bytes,
     "partial sums of one panel"},
}};

struct Price {
  std::string_view name;
  double EnergyTable::*member;
  std::string_view help;
};

constexpr std::array<Price, 8> kPrices{{
    {"multiply-8-pj", &EnergyTable::multiply_8_pj, "pJ a product of up to 8 significant bits"},
    {"multiply-16-pj", &EnergyTable::multiply_16_pj, "pJ a product of up to 22"},
    {"multiply-32-pj", &EnergyTable::multiply_32_pj, "pJ a wider product"},
    {"accumulate-pj", &EnergyTable::accumulate_pj, "pJ an fp32 addition"},
    {"prune-pj", &EnergyTable::prune_pj, "pJ an element through the pruner"},
    {"quantize-pj", &EnergyTable::quantize_pj, "pJ an element through the quantizer"},
    {"sram-byte-pj", &EnergyTable::sram_byte_pj, "pJ a byte of a buffer"},
    {"dram-byte-pj", &EnergyTable::dram_byte_pj, "pJ a byte of DRAM"},
}};

}  // namespace

void add_machine_options(OptionSet& options) {
  const DatapathConfig defaults;
  options.group("Machine")
      .value_or("array", "RxC", fmt::format("{}x{}", defaults.array_rows, defaults.array_columns),
                "multipliers: rows of the gradient by columns of the result")
      .value_or("dataflow", "NAME", defaults.dataflow->name,
                fmt::format("what stays in the array: {}", dataflow_names()))
      .value("dispatch", "NAME",
             fmt::format("how zeros are skipped (default: {}, or dense where the dataflow cannot "
                         "skip)",
                         defaults.dispatch->name()))
      .of(dispatch_grammar())
      .value("row-order", "ORDER",
             "where rows share: none, or mixed (the default), so that full and empty rows meet")
      .words({"none", "mixed"})
      .value("k-order", "ORDER",
             "natural, or interleaved: positions of k that are neighbours are multiplied at "
             "different times, in another order of summation (default where rows share)")
      .words({"natural", "interleaved"});
  for (const auto& field : kCounts) {
    options.value_or(field.name, "N", fmt::to_string(defaults.*field.member), field.help);
  }
  for (const auto& field : kBytes) {
    options.value_or(field.name, "N", fmt::to_string(defaults.*field.member), field.help);
  }
  options.group("Energy (defaults: about 45 nm, Horowitz, ISSCC 2014)");
  for (const Price& price : kPrices) {
    options.value_or(price.name, "PJ", fmt::to_string(defaults.energy.*price.member), price.help);
  }
}

DatapathConfig read_machine(const Arguments& arguments) {
  DatapathConfig config;
  parse_array(arguments.text("array"), config);
  config.dataflow = &find_dataflow(arguments.text("dataflow"));
  if (arguments.has("dispatch")) {
    config.dispatch = parse_dispatch(arguments.text("dispatch"));
  } else if (!config.dataflow->skips) {
    config.dispatch = parse_dispatch("dense");
  }
  const auto is_chosen = [&](std::string_view option, std::string_view order) {
    return arguments.has(option) ? arguments.choice(option) == order : config.dispatch->shares();
  };
  config.mixes_rows = is_chosen("row-order", "mixed");
  config.interleaves_k = is_chosen("k-order", "interleaved");
  for (const auto& field : kCounts) {
    config.*field.member = static_cast<std::uint32_t>(
        arguments.integer(field.name, 0, std::numeric_limits<std::uint32_t>::max()));
  }
  for (const auto& field : kBytes) {
    config.*field.member =
        arguments.integer(field.name, 0, std::numeric_limits<std::uint64_t>::max());
  }
  for (const Price& price : kPrices) {
    config.energy.*price.member =
        arguments.real(price.name, 0.0, std::numeric_limits<double>::max());
  }
  validate(config);
  return config;
}

}  // namespace gradpath::cli
