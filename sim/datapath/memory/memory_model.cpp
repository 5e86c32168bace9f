#include "sim/datapath/memory/memory_model.hpp"

#include <charconv>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/datapath/memory/dram_controller.hpp"
#include "sim/datapath/memory/ideal_memory.hpp"

namespace gradpath {

std::unique_ptr<MemoryModel> make_memory(std::string_view name, const MemoryOptions& options) {
  constexpr std::string_view kIdeal = "ideal:";
  constexpr std::uint64_t kMostBytes = 1 << 20;
  if (name.starts_with(kIdeal)) {
    const std::string_view text = name.substr(kIdeal.size());
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error == std::errc{} && end == text.data() + text.size() && bytes >= 1 &&
        bytes <= kMostBytes) {
      return std::make_unique<IdealMemory>(bytes, 1.0 / options.clock_ghz);
    }
    throw UserError(fmt::format("memory '{}': {} bytes a cycle, expected 1 to {}", name,
                                text.empty() ? "no" : text, kMostBytes));
  }
  std::string known = "ideal:B";
  for (const DramTiming& timing : dram_timings()) {
    if (timing.name == name) {
      const AddressMapping mapping =
          options.mapping.empty() ? timing.mapping : parse_address_mapping(options.mapping);
      return std::make_unique<DramController>(timing, mapping, options.refresh);
    }
    known.append(", ").append(timing.name);
  }
  throw UserError(fmt::format("unknown memory '{}', expected one of {}", name, known));
}

}  // namespace gradpath
